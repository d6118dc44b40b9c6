#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

// What criu speaks over its socket: protocol buffers, of which it uses little enough to write them by hand. A
// message is a row of fields; each has a key, `number << 3 | kind`, as a varint:
//
//   kind 0   a varint: numbers, booleans, enumerations
//   kind 2   a varint of length and that many bytes: text, or a message again
//
// The numbers are those of criu's rpc.proto.
namespace berth::executor {

class CriuMessage {
 public:
    CriuMessage& number(unsigned field, std::uint64_t value);
    CriuMessage& flag(unsigned field, bool value) { return value ? number(field, 1) : *this; }
    CriuMessage& text(unsigned field, std::string_view value);
    // Left out when empty.
    CriuMessage& text_if(unsigned field, std::string_view value) {
        return value.empty() ? *this : text(field, value);
    }
    CriuMessage& message(unsigned field, const CriuMessage& inner) { return text(field, inner.bytes_); }
    const std::string& bytes() const { return bytes_; }

 private:
    void varint(std::uint64_t value);
    std::string bytes_;
};

class CriuFields {
 public:
    // kUnavailable for what is no message.
    static Result<CriuFields> parse(std::string_view bytes);
    // The last of that number; zero, or nothing, if there is none.
    std::uint64_t number(unsigned field) const;
    std::string text(unsigned field) const;
    // Nothing in it where it is missing or damaged.
    CriuFields message(unsigned field) const;

 private:
    struct Field {
        unsigned number = 0;
        std::uint64_t value = 0;
        std::string bytes;
    };
    std::vector<Field> fields_;
};

}  // namespace berth::executor
