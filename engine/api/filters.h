#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/http/message.h"

namespace berth::api {

// The values of each filter, of the query parameter `filters`. Clients write it in two shapes:
// {"label":{"a=b":true}} and {"label":["a=b"]}.
using Filters = std::map<std::string, std::set<std::string>, std::less<>>;

// kInvalidArgument: "invalid filter" if it is neither, "invalid filter 'NAME'" for one that is not in
// `known`. Without any in `known` all names will do.
Result<Filters> parse_filters(const http::Query& query, std::span<const std::string_view> known);
// Docker's way with names: `pattern` is the text itself, or a regular expression that matches a part of it.
bool part_of(const std::string& text, const std::string& pattern);
// One boolean filter: "invalid filter 'NAME=[…]'" unless it is one of Docker's words for yes and no.
Result<bool> filter_flag(const Filters& filters, std::string_view name, bool otherwise);

}  // namespace berth::api
