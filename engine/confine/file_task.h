#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/unique_fd.h"
#include "engine/confine/helper.h"
#include "engine/confine/tar_input.h"
#include "engine/confine/wire.h"
#include "engine/sys/mount.h"
#include "engine/sys/spawn.h"

// What is done to a container's files, in a helper that sees them as the container does and nothing else.
// Starting one blocks shortly; how it goes on is read from its two sockets, in whatever way suits the caller.
namespace berth::confine {

// A container's file system.
struct FileView {
    // Of a container that runs: its mount namespace (/proc/PID/ns/mnt). Its root is the container's.
    UniqueFd mount_namespace;
    // Else its root, a detached mount, and what is mounted on it, in this order. Missing targets are made.
    UniqueFd root;
    // A source of type "handed" is "N", or "N/PATH": the N-th of `handed`, detached mounts, or what lies
    // below it. The helper takes them.
    std::vector<sys::Mount> mounts;
    std::vector<UniqueFd> handed;
    bool read_only_root = false;
};

// One helper at work; killed and reaped on destruction.
class FileTask {
 public:
    FileTask(FileTask&&) noexcept = default;
    ~FileTask();

    // Paths are Docker's: cleaned, but for a "/" or "/." at the end, which is kept. A path that is not there
    // fails with kNotFound and ENOENT; other errors read "lstat PATH: …".

    // Tells a "stat" of `path`.
    static Result<FileTask> stat(const HelperOptions& options, const FileView& view, const std::string& path);
    // Tells a "stat", then, once it has been told where to, puts out a tar of `path`: what lies below a
    // folder is named "NAME/…", NAME being the path's last part.
    static Result<FileTask> archive(const HelperOptions& options, const FileView& view,
                                    const std::string& path);
    // Puts out a tar of the whole root, once it has been told where to.
    static Result<FileTask> export_root(const HelperOptions& options, const FileView& view);

    struct Extraction {
        bool keep_kinds = false;  // a folder is not replaced by something else, nor the reverse
        std::optional<std::pair<uid_t, gid_t>> owner;
    };
    // Unpacks a tar (plain, gzip, zstd) into the folder `path`. Docker's texts: "extraction point is not a
    // directory" and the like, kInvalidArgument. Its last record tells what was read beyond the input's end.
    static Result<FileTask> extract(const HelperOptions& options, const FileView& view,
                                    const std::string& path, const Extraction& extraction,
                                    const TarInput& input);

    // An overlay's upper folder and those below it, topmost first.
    struct Layers {
        std::string upper;
        std::vector<std::string> lower;
    };
    // Tells all changes.
    static Result<FileTask> changes(const HelperOptions& options, const Layers& layers);
    // Puts out the changes as a layer's tar.
    static Result<FileTask> layer(const HelperOptions& options, const Layers& layers);

    // Waits for the end: what the helper says of its work. Blocking.
    Result<> finish();

    // Stream sockets. The output ends with the task; its bytes are good once the result says "done".
    UniqueFd output, result;

 private:
    FileTask() = default;
    static Result<FileTask> start(const HelperOptions& options, std::vector<std::string> arguments, int input,
                                  int target, const std::vector<UniqueFd>& more = {});
    static Result<FileTask> start_in(const HelperOptions& options, std::vector<std::string> arguments,
                                     const FileView& view, int input);
    static Result<FileTask> start_on(const HelperOptions& options, const char* task, const Layers& layers);

    sys::ChildProcess child_;
};

}  // namespace berth::confine
