#include "engine/executor/criu_message.h"

namespace berth::executor {

namespace {

bool take_varint(std::string_view& bytes, std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) return true;
    }
    return false;
}

}  // namespace

void CriuMessage::varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
}

CriuMessage& CriuMessage::number(unsigned field, std::uint64_t value) {
    varint(field << 3);
    varint(value);
    return *this;
}

CriuMessage& CriuMessage::text(unsigned field, std::string_view value) {
    varint(field << 3 | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
}

Result<CriuFields> CriuFields::parse(std::string_view bytes) {
    CriuFields out;
    auto damaged = [] { return fail(ErrorKind::kUnavailable, "criu said something that is no message"); };
    while (!bytes.empty()) {
        std::uint64_t key = 0;
        Field field;
        if (!take_varint(bytes, key) || (key & 7) > 5) return damaged();
        field.number = static_cast<unsigned>(key >> 3);
        std::size_t fixed = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : 0;
        if ((key & 7) == 0 || (key & 7) == 2) {
            if (!take_varint(bytes, field.value)) return damaged();
            if ((key & 7) == 2) fixed = field.value;
        } else if (fixed == 0) {
            return damaged();
        }
        if (fixed > bytes.size()) return damaged();
        field.bytes = bytes.substr(0, fixed);
        bytes.remove_prefix(fixed);
        out.fields_.push_back(std::move(field));
    }
    return out;
}

std::uint64_t CriuFields::number(unsigned field) const {
    std::uint64_t value = 0;
    for (const Field& one : fields_) value = one.number == field ? one.value : value;
    return value;
}

std::string CriuFields::text(unsigned field) const {
    std::string value;
    for (const Field& one : fields_) {
        if (one.number == field) value = one.bytes;
    }
    return value;
}

CriuFields CriuFields::message(unsigned field) const {
    auto inner = parse(text(field));
    return inner ? std::move(*inner) : CriuFields();
}

}  // namespace berth::executor
