#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace berth {

// How far something has come, as Docker draws it: "[=====>     ]  1.2MB/4.5MB". Where nobody knows the whole
// (0) "  1.2MB", or "3 s" where there are units. "" for nothing.
std::string progress_text(std::uint64_t current, std::uint64_t total, std::string_view units = "");

}  // namespace berth
