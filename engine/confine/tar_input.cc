#include "engine/confine/tar_input.h"

#include <cerrno>

#include "engine/base/files.h"

namespace berth::confine {

std::string framing_of(const TarInput& input) {
    if (!input.body) return {};
    const std::string length = input.body->length ? std::to_string(*input.body->length) : "";
    return std::to_string(input.body->early.size()) + ":" + length;
}

Result<> send_early(int result_fd, const TarInput& input) {
    if (!input.body) return {};
    auto sent = write_all(result_fd, input.body->early);
    if (!sent && sent.error().sys_errno == EPIPE) return {};
    return sent;
}

}  // namespace berth::confine
