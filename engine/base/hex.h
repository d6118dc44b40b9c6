#pragma once

#include <string>
#include <string_view>

namespace berth {

// Bytes as lower-case hex digits.
std::string to_hex(std::string_view bytes);
bool is_lower_hex(char c);

}  // namespace berth
