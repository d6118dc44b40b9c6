#include "engine/base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "engine/base/ids.h"

namespace berth {

namespace {

struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
};
using DirStream = std::unique_ptr<DIR, CloseDir>;

std::string parent_of(const std::string& path) {
    auto slash = path.find_last_of('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

Result<> sync_folder(const std::string& path) {
    BERTH_TRY(UniqueFd folder, open_file(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(folder.get()) != 0) return fail_errno("sync " + path);
    return {};
}

// Removes what is in a folder, however deep: a container can make trees that no stack and no limit on
// descriptors is enough for. Folders too far down are first moved up into the top one.
class Removal {
 public:
    Removal(int top, dev_t device) : top_(top), device_(device) {}

    Result<> run() {
        BERTH_CHECK(contents(top_, 0));
        while (!moved_.empty()) {
            std::string name = std::move(moved_.back());
            moved_.pop_back();
            BERTH_CHECK(folder(top_, name.c_str(), 0));
        }
        return {};
    }

 private:
    static constexpr int kMaxDepth = 32;

    Result<> contents(int fd, int depth) {
        BERTH_TRY(const auto names, list_folder(fd));
        for (const std::string& name : names) {
            if (::unlinkat(fd, name.c_str(), 0) == 0 || errno == ENOENT) continue;
            if (errno != EISDIR && errno != EPERM) return fail_errno("remove " + name);
            BERTH_CHECK(folder(fd, name.c_str(), depth + 1));
        }
        return {};
    }

    Result<> folder(int parent, const char* name, int depth) {
        UniqueFd fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!fd && errno == ENOENT) return {};
        if (!fd) return fail_errno(std::string("open ") + name);
        struct stat status{};
        if (::fstat(fd.get(), &status) != 0) return fail_errno(std::string("stat ") + name);
        if (status.st_dev != device_) return fail_errno(std::string("remove ") + name, EXDEV);
        if (depth > kMaxDepth) return move_up(parent, name);
        BERTH_CHECK(contents(fd.get(), depth));
        if (::unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
            return fail_errno(std::string("remove ") + name);
        }
        return {};
    }

    Result<> move_up(int parent, const char* name) {
        std::string up = ".removing-" + random_hex(8);
        if (::renameat(parent, name, top_, up.c_str()) != 0) return fail_errno(std::string("move ") + name);
        moved_.push_back(std::move(up));
        return {};
    }

    int top_;
    dev_t device_;
    std::vector<std::string> moved_;
};

}  // namespace

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode) {
    int fd = 0;
    do {
        fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) return fail_errno("open " + path);
    return UniqueFd(fd);
}

Result<std::string> read_all(int fd, std::size_t limit) {
    std::string out;
    std::size_t used = 0;
    while (true) {
        if (out.size() - used < 4096) out.resize(out.size() + (out.empty() ? 4096 : out.size()));
        ssize_t got = ::read(fd, out.data() + used, out.size() - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read");
        if (got == 0) break;
        used += static_cast<std::size_t>(got);
        if (used > limit) return fail(ErrorKind::kInvalidArgument, "file too large");
    }
    out.resize(used);
    return out;
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    BERTH_TRY(UniqueFd file, open_file(path, O_RDONLY));
    return in(path, read_all(file.get(), limit));
}

Result<> write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno("write");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<> write_file(const std::string& path, std::string_view bytes, mode_t mode) {
    BERTH_TRY(UniqueFd file, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
    return in(path, write_all(file.get(), bytes));
}

Result<> replace_file(const std::string& path, std::string_view bytes, mode_t mode, Sync sync) {
    std::string temporary = path + ".tmp-" + random_hex(6);
    auto write = [&]() -> Result<> {
        BERTH_TRY(UniqueFd file, open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode));
        BERTH_CHECK(in(temporary, write_all(file.get(), bytes)));
        // The umask must not decide what other users may read.
        if (::fchmod(file.get(), mode) != 0) return fail_errno("chmod " + temporary);
        if (sync == Sync::kData && ::fdatasync(file.get()) != 0) return fail_errno("sync " + temporary);
        if (::rename(temporary.c_str(), path.c_str()) != 0) return fail_errno("rename " + temporary);
        return {};
    };
    if (auto written = write(); !written) {
        ::unlink(temporary.c_str());
        return written;
    }
    if (sync == Sync::kData) return sync_folder(parent_of(path));
    return {};
}

Result<> make_folders(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0) return {};
    if (errno == EEXIST) {
        struct stat status{};
        if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
        return fail_errno("mkdir " + path, ENOTDIR);
    }
    if (errno != ENOENT || parent_of(path) == path) return fail_errno("mkdir " + path);
    BERTH_CHECK(make_folders(parent_of(path), 0711));
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return fail_errno("mkdir " + path);
    return {};
}

Result<std::vector<std::string>> list_folder(const std::string& path) {
    BERTH_TRY(UniqueFd folder, open_file(path, O_RDONLY | O_DIRECTORY));
    return in("read " + path, list_folder(folder.get()));
}

Result<std::vector<std::string>> list_folder(int folder_fd) {
    UniqueFd own(::openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own) return fail_errno("open folder");
    DirStream dir(::fdopendir(own.get()));
    if (!dir) return fail_errno("read folder");
    (void)own.release();
    std::vector<std::string> names;
    // The end of a folder and an error look the same but for errno.
    for (errno = 0; const dirent* entry = ::readdir(dir.get()); errno = 0) {
        std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return fail_errno("read folder");
    return names;
}

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

Result<> remove_tree(const std::string& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return fail_errno("remove " + path);
    {
        BERTH_TRY(UniqueFd top, open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        struct stat status{};
        if (::fstat(top.get(), &status) != 0) return fail_errno("stat " + path);
        BERTH_CHECK(in("remove " + path, Removal(top.get(), status.st_dev).run()));
    }
    // Closed by now: to ext4 a folder that is removed while somebody has it open is an orphan to write down.
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return fail_errno("remove " + path);
    return {};
}

Result<TempDir> TempDir::make(const std::string& parent) {
    const char* base = std::getenv("TMPDIR");
    std::string path = parent.empty() ? (base != nullptr ? base : "/tmp") : parent;
    path += "/berth-" + random_hex(8);
    if (::mkdir(path.c_str(), 0700) != 0) return fail_errno("mkdir " + path);
    return TempDir(path);
}

TempDir::TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempDir::~TempDir() {
    // Best effort: what cannot be removed lies in a temporary folder.
    if (!path_.empty()) (void)remove_tree(path_).has_value();
}

}  // namespace berth
