#include "cli/commands/platforms.h"

#include "cli/json.h"
#include "engine/http/url.h"

namespace berth::cli {

namespace {

Result<std::string> object_of(const std::string& text) {
    const auto first = text.find('/'), second = text.find('/', first + 1);
    if (first == text.npos || first == 0 || first + 1 == text.size())
        return fail(ErrorKind::kInvalidArgument, "invalid platform: " + text);
    Json platform = {{"os", text.substr(0, first)},
                     {"architecture", text.substr(first + 1, second - first - 1)}};
    if (second != text.npos) platform["variant"] = text.substr(second + 1);
    return platform.dump();
}

}  // namespace

Result<std::string> platform_query(const std::vector<std::string>& texts, const std::string& key) {
    std::string query;
    for (const std::string& text : texts) {
        for (std::size_t at = 0; at <= text.size();) {
            const auto comma = std::min(text.find(',', at), text.size());
            BERTH_TRY(const std::string object, object_of(text.substr(at, comma - at)));
            query += "&" + key + "=" + http::encode_form(object);
            at = comma + 1;
        }
    }
    return query;
}

Result<std::string> platform_query(const std::string& text) {
    if (text.empty()) return std::string();
    return platform_query(std::vector{text});
}

}  // namespace berth::cli
