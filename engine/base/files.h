#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// Whole files and folders of the engine's own, by path. Not for paths that a container, an image or an
// archive can influence: those go through engine/sys/safe_path.h.
namespace berth {

// open(2) with O_CLOEXEC, retried on EINTR. The error reads "open PATH: no such file or directory".
Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0);

// All of a file; kInvalidArgument if it has more than `limit` bytes.
Result<std::string> read_file(const std::string& path, std::size_t limit = 64 << 20);
Result<std::string> read_all(int fd, std::size_t limit = 64 << 20);

// All of `bytes`, however many writes that takes.
Result<> write_all(int fd, std::string_view bytes);

// Writes in place (what /proc, /sys and cgroup files want).
Result<> write_file(const std::string& path, std::string_view bytes, mode_t mode = 0600);

enum class Sync { kNone, kData };  // kData: the file and its folder are on disk when the call returns
// Replaces `path` by way of a temporary file beside it: readers see the old or the new content.
Result<> replace_file(const std::string& path, std::string_view bytes, mode_t mode, Sync sync);

// mkdir -p; only the last folder gets `mode` if new, its parents 0711.
Result<> make_folders(const std::string& path, mode_t mode);
Result<std::vector<std::string>> list_folder(const std::string& path);
// The same through a description of its own: the descriptor's offset stays.
Result<std::vector<std::string>> list_folder(int folder_fd);
bool exists(const std::string& path);
// rm -rf by descriptors: never follows a link and never leaves the file system `path` is on. A missing path
// is no error.
Result<> remove_tree(const std::string& path);

// A folder of its own, removed with all it holds.
class TempDir {
 public:
    // Below `parent`, or below $TMPDIR (else /tmp) if that is empty.
    static Result<TempDir> make(const std::string& parent = {});
    TempDir(TempDir&& other) noexcept;
    TempDir& operator=(TempDir&&) = delete;
    ~TempDir();
    const std::string& path() const { return path_; }

 private:
    explicit TempDir(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

}  // namespace berth
