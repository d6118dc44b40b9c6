#include "engine/confine/helper_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "engine/archive/decompress.h"
#include "engine/archive/overlay_diff.h"
#include "engine/archive/tree_archiver.h"
#include "engine/archive/tree_extractor.h"
#include "engine/base/clean_path.h"
#include "engine/base/files.h"
#include "engine/confine/enclosure.h"
#include "engine/confine/file_view.h"
#include "engine/confine/helper_streams.h"
#include "engine/confine/wire.h"
#include "engine/sys/safe_path.h"

namespace berth::confine {

namespace {

using Arguments = std::span<char* const>;

// Records that are told together.
constexpr std::size_t kTold = 64 << 10;

std::string done(std::uint64_t entries, std::uint64_t bytes = 0) {
    return encode_record({"done", "", std::to_string(bytes), std::to_string(entries)});
}

// os.FileMode of Go.
std::uint32_t go_mode(mode_t mode) {
    std::uint32_t out = mode & 0777;
    if (S_ISDIR(mode)) out |= 1U << 31;
    if (S_ISLNK(mode)) out |= 1U << 27;
    if (S_ISCHR(mode) || S_ISBLK(mode)) out |= 1U << 26;
    if (S_ISFIFO(mode)) out |= 1U << 25;
    if (S_ISSOCK(mode)) out |= 1U << 24;
    if ((mode & S_ISUID) != 0) out |= 1U << 23;
    if ((mode & S_ISGID) != 0) out |= 1U << 22;
    if (S_ISCHR(mode)) out |= 1U << 21;
    if ((mode & S_ISVTX) != 0) out |= 1U << 20;
    return out;
}

// The last part of a path: "etc", "." of "/etc/.", "/" of the root.
std::string base_of(std::string_view path) {
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    return path == "/" ? "/" : std::string(path.substr(path.rfind('/') + 1));
}

std::string parent_of(std::string_view path) {
    auto slash = path.rfind('/');
    return slash == 0 || slash == path.npos ? "/" : std::string(path.substr(0, slash));
}

// Where a link ends, or as far as can be told: what is missing is taken as written.
std::string follow(std::string path) {
    for (int links = 0; links < 255; ++links) {
        std::string resolved, rest = path;
        bool followed = false;
        while (!rest.empty() && !followed) {
            auto slash = rest.find('/', 1);
            std::string next = resolved + rest.substr(0, slash);
            rest = slash == rest.npos ? "" : rest.substr(slash);
            std::string target(4096, '\0');
            ssize_t size = ::readlinkat(AT_FDCWD, next.c_str(), target.data(), target.size());
            if (size < 0) {
                resolved = next;
                continue;
            }
            target.resize(static_cast<std::size_t>(size));
            path = clean_path((target.starts_with('/') ? target : parent_of(next) + "/" + target) + rest);
            followed = true;
        }
        if (!followed) return path;
    }
    return path;
}

Result<struct stat> stat_of(const std::string& path) {
    struct stat status{};
    if (::fstatat(AT_FDCWD, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return status;
    return fail_errno("lstat " + path);
}

Result<struct stat> tell_stat(const std::string& path) {
    BERTH_TRY(struct stat status, stat_of(path));
    std::string link = S_ISLNK(status.st_mode) ? follow(path) : "";
    std::string record = encode_record(
        {"stat", base_of(path), std::to_string(status.st_size), std::to_string(go_mode(status.st_mode)),
         std::to_string(status.st_mtim.tv_sec), std::to_string(status.st_mtim.tv_nsec), link});
    BERTH_CHECK(write_all(kResultFd, record));
    return status;
}

Result<std::string> run_stat(const std::string& path) {
    BERTH_CHECK(tell_stat(path));
    return done(1);
}

Result<std::string> run_archive(const std::string& path, const IdMaps& ids) {
    BERTH_TRY(struct stat status, tell_stat(path));
    BERTH_TRY(auto output, HelperOutput::receive());
    archive::TarWriter out(output->sink());
    archive::TreeArchiver archiver(out, ids);
    // The folder of it, without links that the kernel makes up.
    bool folder = S_ISDIR(status.st_mode);
    BERTH_TRY(UniqueFd where,
              sys::open_in_root(kTargetFd, folder ? path : parent_of(path), O_PATH | O_DIRECTORY));
    BERTH_CHECK(archiver.add(where.get(), folder ? "." : base_of(path), base_of(path)));
    BERTH_CHECK(out.finish());
    return done(archiver.entries());
}

Result<std::string> run_export(const IdMaps& ids) {
    BERTH_TRY(auto output, HelperOutput::receive());
    archive::TarWriter out(output->sink());
    archive::TreeArchiver archiver(out, ids);
    BERTH_CHECK(archiver.add(kTargetFd, ".", ""));
    BERTH_CHECK(out.finish());
    return done(archiver.entries());
}

Result<> check_writable(int folder, bool read_only_root) {
    struct statx where{}, root{};
    if (::statx(folder, "", AT_EMPTY_PATH, STATX_MNT_ID, &where) != 0 ||
        ::statx(kTargetFd, "", AT_EMPTY_PATH, STATX_MNT_ID, &root) != 0)
        return fail_errno("stat");
    struct statfs system{};
    if (::fstatfs(folder, &system) != 0) return fail_errno("statfs");
    constexpr long kReadOnly = 1;  // ST_RDONLY
    bool read_only = (system.f_flags & kReadOnly) != 0;
    if (where.stx_mnt_id == root.stx_mnt_id) {
        if (read_only || read_only_root)
            return fail(ErrorKind::kInvalidArgument, "container rootfs is marked read-only");
    } else if (read_only) {
        return fail(ErrorKind::kInvalidArgument, "mounted volume is marked read-only");
    }
    return {};
}

struct PutArguments {
    std::string path;
    std::string_view rules, owner, input;
};

Result<std::string> run_put(const PutArguments& put, bool read_only_root, const IdMaps& ids) {
    const std::string& path = put.path;
    if (path.ends_with('/') && path != "/") BERTH_CHECK(stat_of(path));
    auto folder = sys::open_in_root(kTargetFd, path, O_RDONLY | O_DIRECTORY);
    if (!folder && folder.error().sys_errno == ENOTDIR)
        return fail(ErrorKind::kInvalidArgument, "extraction point is not a directory");
    if (!folder) return Failure(std::move(folder.error()));
    BERTH_CHECK(check_writable(folder->get(), read_only_root));
    archive::ExtractOptions options;
    options.keep_kinds = put.rules == "keep-kinds";
    options.ids = ids;
    if (auto colon = put.owner.find(':'); colon != put.owner.npos) {
        options.owner = {static_cast<uid_t>(std::strtoul(put.owner.data(), nullptr, 10)),
                         static_cast<gid_t>(std::strtoul(put.owner.data() + colon + 1, nullptr, 10))};
    }
    BERTH_TRY(auto input, HelperInput::open(put.input));
    BERTH_TRY(auto plain, archive::decompress(input->source()));
    archive::TarReader reader(*plain);
    archive::TreeExtractor extractor(kTargetFd, archive::inner_path(path), options);
    auto extracted = extractor.extract(reader);
    // Docker's status for whatever is wrong by now is 500; that a path is missing says nothing of `path`.
    if (!extracted) return fail(ErrorKind::kInternal, std::move(extracted.error().message));
    // What a client sends behind the archive belongs to the body still.
    BERTH_CHECK(archive::read_to_end(input->source()));
    return done(extractor.entries(), input->beyond());
}

struct LayerFolders {
    std::vector<UniqueFd> lower;
    std::vector<int> descriptors;
};

// TASK LOWER…
Result<LayerFolders> take_layers(Arguments arguments) {
    LayerFolders out;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        BERTH_TRY(UniqueFd folder, clone_folder(arguments[i]));
        out.descriptors.push_back(folder.get());
        out.lower.push_back(std::move(folder));
    }
    return out;
}

Result<std::string> run_layers(Arguments arguments, const IdMaps& ids) {
    BERTH_TRY(LayerFolders layers, take_layers(arguments));
    BERTH_CHECK(in("shut the helper in", enter_enclosure(kTargetFd, layers.descriptors)));
    archive::OverlayDiff diff(kTargetFd, std::move(layers.descriptors));
    if (std::string_view(arguments[0]) == "layer") {
        archive::FdSink sink(STDOUT_FILENO);
        archive::TarWriter out(sink, archive::TarWriter::Times::kExact);
        BERTH_CHECK(archive_diff(diff, out, ids));
        return done(0);
    }
    std::string records;
    std::uint64_t count = 0;
    BERTH_CHECK(diff.walk([&](const archive::Change& change, int, const std::string&, const struct stat*) {
        records += encode_record({"change", std::to_string(static_cast<int>(change.kind)), change.path});
        ++count;
        if (records.size() < kTold) return Result<>();
        auto told = write_all(kResultFd, records);
        records.clear();
        return told;
    }));
    return records + done(count);
}

// How many arguments come before the view.
std::size_t own_arguments(std::string_view task) {
    if (task == "stat" || task == "archive") return 2;
    if (task == "export") return 1;
    return task == "put" ? 5 : 0;
}

bool is_layer_task(std::string_view task) {
    return task == "changes" || task == "layer";
}

}  // namespace

bool is_file_task(Arguments arguments) {
    if (arguments.empty()) return false;
    std::string_view task = arguments[0];
    if (is_layer_task(task)) return arguments.size() >= 2;
    return own_arguments(task) != 0 && arguments.size() > own_arguments(task);
}

Result<std::string> run_file_task(Arguments arguments, const IdMaps& ids) {
    std::string_view task = arguments[0];
    if (is_layer_task(task)) return run_layers(arguments, ids);
    BERTH_TRY(ViewRules rules,
              enter_view(arguments.subspan(own_arguments(task)), task == "export", ids.root()));
    if (task == "export") return run_export(ids);
    std::string path = arguments[1];
    if (task == "stat") return run_stat(path);
    if (task == "archive") return run_archive(path, ids);
    return run_put({path, arguments[2], arguments[3], arguments[4]}, rules.read_only_root, ids);
}

}  // namespace berth::confine
