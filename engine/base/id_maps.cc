#include "engine/base/id_maps.h"

#include <charconv>
#include <optional>

namespace berth {

namespace {

using Ranges = std::vector<IdRange>;

constexpr std::uint32_t kOverflow = 65534;

std::optional<std::uint32_t> outside_of(const Ranges& ranges, std::uint32_t inside) {
    for (const IdRange& range : ranges)
        if (inside >= range.inside && inside - range.inside < range.count)
            return range.outside + (inside - range.inside);
    return {};
}

std::uint32_t inside_of(const Ranges& ranges, std::uint32_t outside) {
    for (const IdRange& range : ranges)
        if (outside >= range.outside && outside - range.outside < range.count)
            return range.inside + (outside - range.outside);
    return kOverflow;
}

Failure not_mapped(std::uint32_t id) {
    return fail(ErrorKind::kInvalidArgument,
                "container ID " + std::to_string(id) + " cannot be mapped to a host ID");
}

std::string text_of(const Ranges& ranges) {
    std::string out;
    for (const IdRange& range : ranges) {
        out += (out.empty() ? "" : ",") + std::to_string(range.inside) + ":" + std::to_string(range.outside) +
               ":" + std::to_string(range.count);
    }
    return out;
}

Result<Ranges> parse_ranges(std::string_view text) {
    Ranges out;
    const auto number = [&](std::uint32_t& value, char behind) {
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc()) return false;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (text.empty()) return behind == ',';
        const bool good = text.front() == behind;
        text.remove_prefix(1);
        return good;
    };
    while (!text.empty()) {
        IdRange range;
        if (!number(range.inside, ':') || !number(range.outside, ':') || !number(range.count, ','))
            return fail(ErrorKind::kInvalidArgument, "malformed id maps");
        out.push_back(range);
    }
    return out;
}

}  // namespace

Owner IdMaps::root() const {
    return {outside_of(uids, 0).value_or(0), outside_of(gids, 0).value_or(0)};
}

Result<Owner> IdMaps::outside(Owner inside) const {
    if (empty()) return inside;
    const auto uid = outside_of(uids, inside.uid), gid = outside_of(gids, inside.gid);
    if (!uid) return not_mapped(inside.uid);
    if (!gid) return not_mapped(inside.gid);
    return Owner{*uid, *gid};
}

Owner IdMaps::inside(Owner outside) const {
    if (empty()) return outside;
    return {inside_of(uids, outside.uid), inside_of(gids, outside.gid)};
}

std::string IdMaps::text() const {
    return empty() ? std::string() : text_of(uids) + ";" + text_of(gids);
}

Result<IdMaps> IdMaps::parse(std::string_view text) {
    IdMaps out;
    if (text.empty()) return out;
    const auto half = text.find(';');
    if (half == std::string_view::npos) return fail(ErrorKind::kInvalidArgument, "malformed id maps");
    BERTH_TRY(out.uids, parse_ranges(text.substr(0, half)));
    BERTH_TRY(out.gids, parse_ranges(text.substr(half + 1)));
    return out;
}

}  // namespace berth
