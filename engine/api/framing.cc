#include "engine/api/framing.h"

#include <cstdint>

namespace berth::api {

std::string frame(OutputStream stream, std::string_view payload) {
    const auto size = static_cast<std::uint32_t>(payload.size());
    std::string out;
    out.reserve(payload.size() + 8);
    out += static_cast<char>(stream);
    out.append(3, '\0');
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
    out += payload;
    return out;
}

}  // namespace berth::api
