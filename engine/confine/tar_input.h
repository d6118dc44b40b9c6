#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::confine {

// A tar to read: a descriptor to its end, or the body of an HTTP message on its socket.
struct TarInput {
    UniqueFd fd;
    struct Body {
        std::string early;                    // read of it with the head
        std::optional<std::uint64_t> length;  // nothing: in chunks
    };
    std::optional<Body> body;
};

// As the helper is told (HelperInput).
std::string framing_of(const TarInput& input);
// What was read ahead of a body, to the helper that waits for it: far less than its socket holds. One that
// has refused its task by now says why itself, which is no error here.
Result<> send_early(int result_fd, const TarInput& input);

}  // namespace berth::confine
