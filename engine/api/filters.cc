#include "engine/api/filters.h"

#include <re2/re2.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace berth::api {

namespace {

using nlohmann::json;

Failure invalid(const std::string& what = {}) {
    return fail(ErrorKind::kInvalidArgument,
                what.empty() ? "invalid filter" : "invalid filter '" + what + "'");
}

// The values of one filter; false if it has neither shape.
bool read_values(const json& from, std::set<std::string>& values) {
    if (from.is_object()) {
        for (const auto& [value, on] : from.items()) {
            if (!on.is_boolean()) return false;
            values.insert(value);
        }
        return true;
    }
    if (!from.is_array()) return false;
    for (const auto& value : from) {
        if (!value.is_string()) return false;
        values.insert(value.get<std::string>());
    }
    return true;
}

}  // namespace

Result<Filters> parse_filters(const http::Query& query, std::span<const std::string_view> known) {
    Filters out;
    const std::string text = query.get("filters");
    if (text.empty()) return out;
    auto parsed = json::parse(text, nullptr, false);
    if (parsed.is_null()) return out;
    if (!parsed.is_object()) return invalid();
    for (const auto& [name, values] : parsed.items()) {
        if (!read_values(values, out[name])) return invalid();
        if (!known.empty() && std::find(known.begin(), known.end(), name) == known.end())
            return invalid(name);
    }
    return out;
}

Result<bool> filter_flag(const Filters& filters, std::string_view name, bool otherwise) {
    auto found = filters.find(name);
    if (found == filters.end() || found->second.empty()) return otherwise;
    bool yes = found->second.count("1") > 0 || found->second.count("true") > 0;
    bool no = found->second.count("0") > 0 || found->second.count("false") > 0;
    if (yes != no) return yes;
    std::string list;
    for (const auto& value : found->second) list += (list.empty() ? "" : " ") + value;
    return invalid(found->first + "=[" + list + "]");
}

bool part_of(const std::string& text, const std::string& pattern) {
    const re2::RE2 expression(pattern, re2::RE2::Quiet);
    return text == pattern || (expression.ok() && re2::RE2::PartialMatch(text, expression));
}

}  // namespace berth::api
