#include "engine/confine/tar_input.h"

namespace berth::confine {

std::string framing_of(const TarInput& input) {
    if (!input.body) return {};
    const std::string length = input.body->length ? std::to_string(*input.body->length) : "";
    return std::to_string(input.body->early.size()) + ":" + length;
}

}  // namespace berth::confine
