#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/archive/tar_entry.h"
#include "engine/base/result.h"

namespace berth::archive {

inline constexpr std::size_t kBlock = 512;

// "archive/tar: invalid tar header", kInvalidArgument.
Failure invalid_header();

// A number field: octal text, or GNU's base 256 (first bit set, big-endian two's complement).
Result<std::int64_t> parse_number(std::string_view field);

// One header block, by itself.
struct Header {
    TarEntry entry;
    char raw_type = '0';
    bool gnu = false;         // magic "ustar  ", whose prefix area means other things
    std::int64_t stored = 0;  // bytes of payload that follow
    std::int64_t uid = 0, gid = 0;
};

//  0 name 100 | 100 mode 8 | 108 uid 8 | 116 gid 8 | 124 size 12 | 136 mtime 12 | 148 checksum 8 | 156 type 1
//  157 link 100 | 257 magic 6 | 263 version 2 | 265 uname 32 | 297 gname 32 | 329 major 8 | 337 minor 8
//  345 prefix 155 (POSIX; star: 131 and "tar\0" at 508)
//  GNU instead of the prefix: 386 four extents of 24 | 482 more | 483 real size 12
Result<Header> parse_header(std::string_view block);

}  // namespace berth::archive
