#include "engine/archive/tar_header.h"

#include <sys/sysmacros.h>

namespace berth::archive {

namespace {

std::string_view text(std::string_view field) {
    return field.substr(0, field.find('\0'));
}

Result<std::int64_t> parse_base256(std::string_view field) {
    // The first byte's top bit is the mark; the next one is the sign.
    bool negative = (field[0] & 0x40) != 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < field.size(); ++i) {
        auto byte = static_cast<unsigned char>(field[i]);
        if (negative) byte = static_cast<unsigned char>(~byte);
        if (i == 0) byte &= 0x7f;
        if ((value >> 56) != 0) return invalid_header();
        value = value << 8 | byte;
    }
    if ((value >> 63) != 0) return invalid_header();
    auto number = static_cast<std::int64_t>(value);
    return negative ? ~number : number;
}

bool checksum_fits(std::string_view block) {
    auto stored = parse_number(block.substr(148, 8));
    if (!stored) return false;
    std::int64_t plain = 0, with_sign = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
        char c = i >= 148 && i < 156 ? ' ' : block[i];
        plain += static_cast<unsigned char>(c);
        with_sign += static_cast<signed char>(c);
    }
    // Sun's tar summed signed bytes.
    return *stored == plain || *stored == with_sign;
}

TarEntry::Type type_of(char raw, std::string_view name) {
    switch (raw) {
        case '\0':
            return name.ends_with('/') ? TarEntry::Type::kFolder : TarEntry::Type::kFile;
        case '0':
        case '7':
        case 'S':
            return TarEntry::Type::kFile;
        case '1':
            return TarEntry::Type::kHardLink;
        case '2':
            return TarEntry::Type::kSymlink;
        case '3':
            return TarEntry::Type::kCharDevice;
        case '4':
            return TarEntry::Type::kBlockDevice;
        case '5':
            return TarEntry::Type::kFolder;
        case '6':
            return TarEntry::Type::kFifo;
        default:
            return TarEntry::Type::kOther;
    }
}

// The kernel's numbers have 12 and 20 bits.
Result<dev_t> parse_device(std::string_view block) {
    BERTH_TRY(std::int64_t major, parse_number(block.substr(329, 8)));
    BERTH_TRY(std::int64_t minor, parse_number(block.substr(337, 8)));
    if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) return invalid_header();
    return makedev(static_cast<unsigned>(major), static_cast<unsigned>(minor));
}

}  // namespace

Failure invalid_header() {
    return fail(ErrorKind::kInvalidArgument, "archive/tar: invalid tar header");
}

Result<std::int64_t> parse_number(std::string_view field) {
    if (!field.empty() && (field[0] & 0x80) != 0) return parse_base256(field);
    constexpr std::string_view kPadding(" \0", 2);
    auto begin = field.find_first_not_of(kPadding);
    if (begin == field.npos) return 0;
    field = field.substr(begin, field.find_last_not_of(kPadding) - begin + 1);
    std::int64_t value = 0;
    for (char c : field) {
        if (c < '0' || c > '7') return invalid_header();
        value = value * 8 + (c - '0');
    }
    return value;
}

Result<Header> parse_header(std::string_view block) {
    if (!checksum_fits(block)) return invalid_header();
    Header header;
    TarEntry& entry = header.entry;
    std::string_view magic = block.substr(257, 8);
    header.gnu = magic == std::string_view("ustar  \0", 8);
    bool posix = magic.substr(0, 6) == std::string_view("ustar\0", 6);
    header.raw_type = block[156];
    entry.path = text(block.substr(0, 100));
    entry.link = text(block.substr(157, 100));
    if (posix) {
        bool star = block.substr(508, 4) == std::string_view("tar\0", 4);
        std::string prefix(text(block.substr(345, star ? 131 : 155)));
        if (!prefix.empty()) entry.path = prefix + "/" + entry.path;
    }
    BERTH_TRY(std::int64_t mode, parse_number(block.substr(100, 8)));
    BERTH_TRY(header.uid, parse_number(block.substr(108, 8)));
    BERTH_TRY(header.gid, parse_number(block.substr(116, 8)));
    BERTH_TRY(header.stored, parse_number(block.substr(124, 12)));
    BERTH_TRY(std::int64_t modified, parse_number(block.substr(136, 12)));
    entry.type = type_of(header.raw_type, entry.path);
    if (entry.type == TarEntry::Type::kCharDevice || entry.type == TarEntry::Type::kBlockDevice) {
        BERTH_TRY(entry.device, parse_device(block));
    }
    if (header.stored < 0) return invalid_header();
    entry.mode = static_cast<mode_t>(mode) & 07777;
    entry.mtime.tv_sec = modified;
    return header;
}

}  // namespace berth::archive
