#include "engine/archive/tar_writer.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "engine/archive/tar_header.h"

namespace berth::archive {

namespace {

constexpr std::size_t kBuffer = 256 << 10;
// Files from here on go from descriptor to descriptor.
constexpr std::uint64_t kSendFrom = 64 << 10;

char type_flag(TarEntry::Type type) {
    switch (type) {
        case TarEntry::Type::kHardLink:
            return '1';
        case TarEntry::Type::kSymlink:
            return '2';
        case TarEntry::Type::kCharDevice:
            return '3';
        case TarEntry::Type::kBlockDevice:
            return '4';
        case TarEntry::Type::kFolder:
            return '5';
        case TarEntry::Type::kFifo:
            return '6';
        default:
            return '0';
    }
}

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x80 && c != '\0'; });
}

// "LENGTH KEY=VALUE\n", where LENGTH counts its own digits.
std::string pax_record(std::string_view key, std::string_view value) {
    std::size_t rest = key.size() + value.size() + 3, length = rest + 1;
    while (std::to_string(length).size() + rest != length) length = std::to_string(length).size() + rest;
    std::string out = std::to_string(length) + " ";
    out.append(key).append("=").append(value).append("\n");
    return out;
}

class Block {
 public:
    void text(std::size_t offset, std::size_t width, std::string_view value) {
        std::memcpy(bytes_ + offset, value.data(), std::min(width, value.size()));
    }
    // Octal digits and a NUL; false when they do not fit.
    bool number(std::size_t offset, std::size_t width, std::int64_t value) {
        if (value < 0 || (width < 22 && value >> (3 * (width - 1)) != 0)) {
            number(offset, width, 0);
            return false;
        }
        bytes_[offset + width - 1] = '\0';
        for (std::size_t i = width - 1; i-- > 0; value >>= 3)
            bytes_[offset + i] = static_cast<char>('0' + (value & 7));
        return true;
    }
    std::string_view sealed() {
        std::memcpy(bytes_ + 257,
                    "ustar\0"
                    "00",
                    8);
        std::memset(bytes_ + 148, ' ', 8);
        std::int64_t sum = 0;
        for (char c : bytes_) sum += static_cast<unsigned char>(c);
        number(148, 7, sum);
        return {bytes_, sizeof bytes_};
    }

 private:
    char bytes_[kBlock] = {};
};

// Where a path can be cut into prefix and name, if it can.
std::optional<std::size_t> split_point(std::string_view path) {
    if (path.size() > 256) return {};
    auto slash = path.rfind('/', 155);
    // The slash of a folder itself is part of its name.
    if (slash == path.size() - 1 && slash > 0) slash = path.rfind('/', slash - 1);
    if (slash == path.npos || slash == 0 || path.size() - slash - 1 > 100) return {};
    return slash;
}

// Seconds with their fraction, which counts towards the sign.
std::string time_text(timespec time) {
    const bool negative = time.tv_sec < 0;
    if (negative) time = {-time.tv_sec - 1, 1'000'000'000 - time.tv_nsec};
    std::string fraction = std::to_string(time.tv_nsec);
    fraction.insert(0, 9 - fraction.size(), '0');
    return (negative ? "-" : "") + std::to_string(time.tv_sec) + "." + fraction;
}

void put_path(Block& block, std::string_view path, std::string& pax) {
    if (is_ascii(path) && path.size() <= 100) return block.text(0, 100, path);
    auto cut = is_ascii(path) ? split_point(path) : std::nullopt;
    if (cut) {
        block.text(345, 155, path.substr(0, *cut));
        return block.text(0, 100, path.substr(*cut + 1));
    }
    pax += pax_record("path", path);
    // For readers that do not know the record.
    block.text(0, 100, path.substr(path.size() - std::min<std::size_t>(path.size(), 100)));
}

void put_link(Block& block, std::string_view link, std::string& pax) {
    if (!is_ascii(link) || link.size() > 100) pax += pax_record("linkpath", link);
    block.text(157, 100, link);
}

}  // namespace

Result<> TarWriter::add(const TarEntry& entry) {
    std::string path = entry.path, pax;
    if (entry.type == TarEntry::Type::kFolder && !path.ends_with('/')) path += '/';
    Block block;
    put_path(block, path, pax);
    if (!entry.link.empty()) put_link(block, entry.link, pax);
    auto number = [&](std::size_t offset, std::size_t width, std::int64_t value, const char* key) {
        if (!block.number(offset, width, value)) pax += pax_record(key, std::to_string(value));
    };
    bool file = entry.type == TarEntry::Type::kFile;
    block.number(100, 8, entry.mode & 07777);
    number(108, 8, entry.uid, "uid");
    number(116, 8, entry.gid, "gid");
    number(124, 12, file ? static_cast<std::int64_t>(entry.size) : 0, "size");
    if (times_ == Times::kExact && entry.mtime.tv_nsec != 0) {
        pax += pax_record("mtime", time_text(entry.mtime));
        block.number(136, 12, entry.mtime.tv_sec);
    } else {
        number(136, 12, entry.mtime.tv_sec, "mtime");
    }
    block.text(156, 1, {std::string(1, type_flag(entry.type))});
    block.number(329, 8, major(entry.device));
    block.number(337, 8, minor(entry.device));
    for (const auto& [name, value] : entry.xattrs) pax += pax_record("SCHILY.xattr." + name, value);
    if (!pax.empty()) {
        Block extended;
        extended.text(0, 100, "PaxHeaders.0/entry");
        extended.number(100, 8, 0644);
        extended.number(108, 8, 0);
        extended.number(116, 8, 0);
        extended.number(124, 12, static_cast<std::int64_t>(pax.size()));
        extended.number(136, 12, 0);
        extended.text(156, 1, "x");
        BERTH_CHECK(put(extended.sealed()));
        BERTH_CHECK(put(pax));
        BERTH_CHECK(pad(pax.size()));
    }
    return put(block.sealed());
}

Result<> TarWriter::content(int file_fd, std::uint64_t size) {
    if (size >= kSendFrom) {
        BERTH_CHECK(flush());
        BERTH_CHECK(out_.send(file_fd, size));
        bytes_ += size;
        return pad(size);
    }
    BERTH_TRY(std::uint64_t done, read(file_fd, size));
    // It was longer when its header was written.
    BERTH_CHECK(put(std::string(size - done, '\0')));
    return pad(size);
}

Result<std::uint64_t> TarWriter::read(int file_fd, std::uint64_t size) {
    std::size_t start = buffer_.size(), done = 0;
    buffer_.resize(start + size);
    while (done < size) {
        ssize_t got = ::read(file_fd, buffer_.data() + start + done, size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read");
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    buffer_.resize(start + done);
    bytes_ += done;
    return done;
}

Result<> TarWriter::pad(std::uint64_t size) {
    static constexpr char kZeros[kBlock] = {};
    std::size_t missing = (kBlock - size % kBlock) % kBlock;
    return put({kZeros, missing});
}

Result<> TarWriter::put(std::string_view bytes) {
    buffer_ += bytes;
    bytes_ += bytes.size();
    return buffer_.size() < kBuffer ? Result<>() : flush();
}

Result<> TarWriter::flush() {
    BERTH_CHECK(out_.put(buffer_));
    buffer_.clear();
    return {};
}

Result<> TarWriter::finish() {
    static constexpr char kZeros[2 * kBlock] = {};
    BERTH_CHECK(put({kZeros, sizeof kZeros}));
    return flush();
}

}  // namespace berth::archive
