#pragma once

#include <string>
#include <string_view>

namespace berth {

// 32 random bytes from the kernel as 64 lower-case hex digits: the ID of a container, network, exec, volume.
std::string new_id();
// The first twelve digits, as the CLI shows them.
std::string_view short_id(std::string_view id);
// 64 lower-case hex digits.
bool is_id(std::string_view text);
// `count` random bytes as hex.
std::string random_hex(std::size_t count);

}  // namespace berth
