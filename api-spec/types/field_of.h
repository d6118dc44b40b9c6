#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace berth::types {

// The value of that name, as Go's decoder finds it: letter for letter, else whatever the case of its letters.
// Null if there is none.
const nlohmann::json* field_of(const nlohmann::json& object, std::string_view name);

}  // namespace berth::types
