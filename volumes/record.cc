#include "volumes/record.h"

#include <nlohmann/json.hpp>

namespace berth::volumes {

using nlohmann::json;

std::string render_record(const Volume& volume) {
    const json out{{"Name", volume.name},       {"Driver", volume.driver},
                   {"Options", volume.options}, {"Labels", volume.labels},
                   {"Scope", volume.scope},     {"CreatedAt", format_rfc3339_nano(volume.created_at)}};
    return out.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<Volume> parse_record(std::string_view text) {
    Volume out;
    try {
        const auto from = json::parse(text);
        out.name = from.at("Name");
        out.driver = from.at("Driver");
        from.at("Options").get_to(out.options);
        from.at("Labels").get_to(out.labels);
        out.scope = from.value("Scope", "local");
        BERTH_TRY(out.created_at, parse_rfc3339(from.at("CreatedAt").get<std::string>()));
    } catch (const json::exception& error) {
        return fail(ErrorKind::kDataLoss, std::string("volume record: ") + error.what());
    }
    out.anonymous = out.labels.count(kAnonymousLabel) > 0;
    return out;
}

}  // namespace berth::volumes
