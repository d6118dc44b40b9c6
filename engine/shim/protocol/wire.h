#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Little-endian integers and length-prefixed text.
namespace berth::shim {

class WireWriter {
 public:
    void u8(std::uint8_t value) { number(value, 1); }
    void u16(std::uint16_t value) { number(value, 2); }
    void u32(std::uint32_t value) { number(value, 4); }
    void i64(std::int64_t value) { number(static_cast<std::uint64_t>(value), 8); }
    void text(std::string_view value);  // u32 length, bytes
    std::string take() { return std::move(out_); }

 private:
    void number(std::uint64_t value, int bytes);
    std::string out_;
};

// Reads what WireWriter wrote. After the first read past the end everything is zero or empty and ok() is
// false, so a decoder reads all fields and asks once. Bytes left over are allowed: a newer peer may have
// added fields.
class WireReader {
 public:
    explicit WireReader(std::string_view bytes) : rest_(bytes) {}
    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::int64_t i64() { return static_cast<std::int64_t>(number(8)); }
    std::string text();
    bool ok() const { return ok_; }
    bool empty() const { return rest_.empty(); }

 private:
    std::uint64_t number(int bytes);
    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace berth::shim
