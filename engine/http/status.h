#pragma once

#include <string_view>

namespace berth::http {

// "Not Found" for 404, "Unknown" for a code that is not in RFC 9110.
std::string_view status_text(unsigned status);

}  // namespace berth::http
