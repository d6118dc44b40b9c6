#include "engine/shim/protocol/wire.h"

namespace berth::shim {

void WireWriter::number(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>(value >> (8 * i));
}

void WireWriter::text(std::string_view value) {
    u32(static_cast<std::uint32_t>(value.size()));
    out_ += value;
}

std::uint64_t WireReader::number(int bytes) {
    if (!ok_ || rest_.size() < static_cast<std::size_t>(bytes)) {
        ok_ = false;
        return 0;
    }
    std::uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) {
        value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[static_cast<std::size_t>(i)]))
                 << (8 * i);
    }
    rest_.remove_prefix(static_cast<std::size_t>(bytes));
    return value;
}

std::string WireReader::text() {
    std::size_t size = u32();
    if (!ok_ || rest_.size() < size) {
        ok_ = false;
        return {};
    }
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return out;
}

}  // namespace berth::shim
