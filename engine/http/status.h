#pragma once

#include <string_view>

#include "engine/base/result.h"

namespace berth::http {

// "Not Found" for 404, "Unknown" for a code that is not in RFC 9110.
std::string_view status_text(unsigned status);

// What an answer with this status means to who asked: 404 is kNotFound, 429 and 502 to 504 are kUnavailable.
ErrorKind kind_of_status(unsigned status);

}  // namespace berth::http
