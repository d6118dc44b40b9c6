#include "engine/http/message.h"

#include <strings.h>

#include <algorithm>

#include "engine/http/url.h"

namespace berth::http {

namespace {

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

void Headers::add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string name, std::string value) {
    std::erase_if(fields_, [&](const auto& field) { return same_name(field.first, name); });
    add(std::move(name), std::move(value));
}

std::string_view Headers::get(std::string_view name) const {
    for (const auto& [key, value] : fields_) {
        if (same_name(key, name)) return value;
    }
    return {};
}

bool Headers::has(std::string_view name) const {
    return std::any_of(fields_.begin(), fields_.end(),
                       [&](const auto& field) { return same_name(field.first, name); });
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
    std::vector<std::string_view> out;
    for (const auto& [key, value] : fields_) {
        if (same_name(key, name)) out.push_back(value);
    }
    return out;
}

Query Query::parse(std::string_view text) {
    Query out;
    while (!text.empty()) {
        auto piece = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), piece.size() + 1));
        if (piece.empty()) continue;
        auto name = piece.substr(0, piece.find('='));
        auto value = piece.substr(std::min(piece.size(), name.size() + 1));
        out.values_.emplace(decode_form(name), decode_form(value));
    }
    return out;
}

bool Query::has(std::string_view name) const {
    return values_.find(name) != values_.end();
}

std::string Query::get(std::string_view name, std::string_view otherwise) const {
    auto found = values_.lower_bound(name);
    if (found == values_.end() || found->first != name) return std::string(otherwise);
    return found->second;
}

std::vector<std::string> Query::all(std::string_view name) const {
    std::vector<std::string> out;
    auto [first, last] = values_.equal_range(name);
    for (; first != last; ++first) out.push_back(first->second);
    return out;
}

bool Query::flag(std::string_view name, bool otherwise) const {
    if (!has(name)) return otherwise;
    std::string value = get(name);
    auto first = value.find_first_not_of(" \t");
    if (first == std::string::npos) return false;
    value = value.substr(first, value.find_last_not_of(" \t") - first + 1);
    for (std::string_view no : {"0", "no", "false", "none"}) {
        if (same_name(value, no)) return false;
    }
    return true;
}

Async<Result<std::string>> BodyReader::read_all(std::size_t limit) {
    std::string out;
    std::string buffer(16 << 10, '\0');
    for (;;) {
        BERTH_CO_TRY(std::size_t size, co_await read_some(buffer));
        if (size == 0) co_return out;
        if (out.size() + size > limit) {
            co_return fail(ErrorKind::kInvalidArgument, "http: request body too large");
        }
        out.append(buffer.data(), size);
    }
}

}  // namespace berth::http
