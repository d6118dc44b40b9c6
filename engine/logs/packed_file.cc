#include "engine/logs/packed_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "engine/base/files.h"

namespace berth::logs {

namespace {

constexpr std::size_t kBlock = 128 << 10;
constexpr int kGzip = 16 + 15;  // zlib's window bits for gzip

// In the header's extra field, where dockerd keeps {"lastTime":…}.
std::string extra_of(std::uint64_t inode) {
    return "{\"inode\":" + std::to_string(inode) + "}";
}

Bytef* bytes_of(char* data) {
    return reinterpret_cast<Bytef*>(data);
}

struct Deflater {
    z_stream stream{};
    bool good =
        ::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    ~Deflater() { ::deflateEnd(&stream); }
};
struct Inflater {
    z_stream stream{};
    bool good = ::inflateInit2(&stream, kGzip) == Z_OK;
    ~Inflater() { ::inflateEnd(&stream); }
};

Result<> deflate_all(int from, int to, std::uint64_t inode) {
    Deflater zip;
    if (!zip.good) return fail(ErrorKind::kInternal, "cannot start to compress");
    std::string extra = extra_of(inode);
    gz_header header{};
    header.os = 3;  // Unix
    header.extra = bytes_of(extra.data());
    header.extra_len = static_cast<uInt>(extra.size());
    ::deflateSetHeader(&zip.stream, &header);
    std::vector<char> input(kBlock), output(kBlock);
    for (bool more = true; more;) {
        const ssize_t got = ::read(from, input.data(), input.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read");
        more = got > 0;
        zip.stream.next_in = bytes_of(input.data());
        zip.stream.avail_in = static_cast<uInt>(got);
        do {
            zip.stream.next_out = bytes_of(output.data());
            zip.stream.avail_out = static_cast<uInt>(output.size());
            ::deflate(&zip.stream, more ? Z_NO_FLUSH : Z_FINISH);
            BERTH_CHECK(write_all(to, {output.data(), output.size() - zip.stream.avail_out}));
        } while (zip.stream.avail_out == 0);
    }
    return {};
}

Result<UniqueFd> nameless_file(const std::string& folder) {
    UniqueFd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (file) return file;
    std::string name = folder + "/.unpacked.XXXXXX";
    file.reset(::mkostemp(name.data(), O_CLOEXEC));
    if (!file) return fail_errno("make a file in " + folder);
    ::unlink(name.c_str());
    return file;
}

struct Input {
    UniqueFd file;  // nothing: all are packed
    std::uint64_t inode = 0;
};

std::string numbered(const std::string& path, unsigned number) {
    return path + "." + std::to_string(number);
}

Result<Input> newest_input(const std::string& path) {
    for (unsigned number = 1;; ++number) {
        const std::string name = numbered(path, number);
        struct stat status{};
        if (::lstat(name.c_str(), &status) != 0) {
            if (exists(name + ".gz")) continue;
            return Input();
        }
        BERTH_TRY(UniqueFd file, open_file(name, O_RDONLY | O_NOFOLLOW));
        return Input{std::move(file), status.st_ino};
    }
}

// Wherever it has moved to; it may also have been the oldest, and gone.
Result<> put_in_place(const std::string& path, const std::string& packed, std::uint64_t inode) {
    BERTH_TRY(const UniqueFd held, hold_rotated(path));
    for (unsigned number = 1;; ++number) {
        const std::string name = numbered(path, number);
        struct stat status{};
        const bool plain = ::lstat(name.c_str(), &status) == 0;
        if (!plain && !exists(name + ".gz")) break;
        if (!plain || status.st_ino != inode) continue;
        if (::rename(packed.c_str(), (name + ".gz").c_str()) != 0) return fail_errno("rename " + packed);
        if (::unlink(name.c_str()) != 0) return fail_errno("remove " + name);
        return {};
    }
    if (::unlink(packed.c_str()) != 0) return fail_errno("remove " + packed);
    return {};
}

}  // namespace

Result<UniqueFd> hold_rotated(const std::string& path) {
    const auto slash = path.rfind('/');
    BERTH_TRY(UniqueFd folder,
              open_file(slash == path.npos ? "." : path.substr(0, slash + 1), O_RDONLY | O_DIRECTORY));
    while (::flock(folder.get(), LOCK_EX) != 0)
        if (errno != EINTR) return fail_errno("hold the rotated files of " + path);
    return folder;
}

Result<> pack_rotated(const std::string& path, UniqueFd done) {
    const std::string unfinished = path + ".gz.tmp";
    for (;;) {
        Input input;
        {
            BERTH_TRY(const UniqueFd held, hold_rotated(path));
            BERTH_TRY(input, newest_input(path));
            if (!input.file) done.reset();
        }
        if (!input.file) return {};
        BERTH_TRY(UniqueFd to, open_file(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0640));
        auto packed = in("compress " + path, deflate_all(input.file.get(), to.get(), input.inode));
        if (packed) packed = put_in_place(path, unfinished, input.inode);
        if (packed) continue;
        ::unlink(unfinished.c_str());
        return packed;
    }
}

std::optional<std::uint64_t> packed_inode(int fd) {
    char input[1024], extra[256];
    const ssize_t got = ::pread(fd, input, sizeof input, 0);
    Inflater zip;
    if (got <= 0 || !zip.good) return {};
    gz_header header{};
    header.extra = bytes_of(extra);
    header.extra_max = sizeof extra;
    ::inflateGetHeader(&zip.stream, &header);
    char ignored[1];
    zip.stream.next_in = bytes_of(input);
    zip.stream.avail_in = static_cast<uInt>(got);
    zip.stream.next_out = bytes_of(ignored);
    zip.stream.avail_out = sizeof ignored;
    ::inflate(&zip.stream, Z_BLOCK);
    if (header.done != 1 || header.extra == nullptr) return {};
    std::string text(extra, std::min<std::size_t>(header.extra_len, sizeof extra));
    constexpr std::string_view kKey = "{\"inode\":";
    if (!text.starts_with(kKey)) return {};
    return std::strtoull(text.c_str() + kKey.size(), nullptr, 10);
}

Result<UniqueFd> unpack_file(int fd, const std::string& folder) {
    BERTH_TRY(UniqueFd out, nameless_file(folder));
    Inflater zip;
    if (!zip.good) return fail(ErrorKind::kInternal, "cannot start to decompress");
    std::vector<char> input(kBlock), output(kBlock);
    off_t offset = 0;
    for (int state = Z_OK; state == Z_OK;) {
        const ssize_t got = ::pread(fd, input.data(), input.size(), offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read log");
        if (got == 0) break;
        offset += got;
        zip.stream.next_in = bytes_of(input.data());
        zip.stream.avail_in = static_cast<uInt>(got);
        while (zip.stream.avail_in > 0 && state == Z_OK) {
            zip.stream.next_out = bytes_of(output.data());
            zip.stream.avail_out = static_cast<uInt>(output.size());
            state = ::inflate(&zip.stream, Z_NO_FLUSH);
            BERTH_CHECK(write_all(out.get(), {output.data(), output.size() - zip.stream.avail_out}));
        }
    }
    return out;
}

}  // namespace berth::logs
