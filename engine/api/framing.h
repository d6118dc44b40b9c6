#pragma once

#include <string>
#include <string_view>

namespace berth::api {

// Docker's frame around a piece of a container's output: byte 0 is the stream (1 stdout, 2 stderr, 3 an error
// of the engine's), bytes 1 to 3 are zero, bytes 4 to 7 the payload's length, big endian.
enum class OutputStream : char { kStdin = 0, kStdout = 1, kStderr = 2, kSystemError = 3 };
std::string frame(OutputStream stream, std::string_view payload);

}  // namespace berth::api
