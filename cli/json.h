#pragma once

#include <nlohmann/json.hpp>

namespace berth::cli {

// Keeps the order of keys: inspect prints them as the engine sent them.
using Json = nlohmann::ordered_json;

// obj[key] as text, or "" when it is missing or no string.
inline std::string text_of(const Json& object, const char* key) {
    auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

inline std::int64_t number_of(const Json& object, const char* key) {
    auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<std::int64_t>() : 0;
}

}  // namespace berth::cli
