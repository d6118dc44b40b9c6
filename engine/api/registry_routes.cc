#include "engine/api/registry_routes.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/api/filters.h"

namespace berth::api {

namespace {

using nlohmann::json;
using registry::RegistryService;

Async<Result<>> login(RegistryService& registry, Exchange& exchange) {
    BERTH_CO_TRY(auto body, co_await exchange.body());
    BERTH_CO_TRY(auto credentials, registry::parse_credentials(body.dump()));
    BERTH_CO_TRY(auto answer, co_await registry.login(std::move(credentials)));
    json out = {{"IdentityToken", answer.identity_token}, {"Status", answer.status}};
    co_return co_await exchange.json(200, std::move(out));
}

json show_platform(const oci::Platform& platform) {
    json out = {{"architecture", platform.architecture}, {"os", platform.os}};
    if (!platform.os_version.empty()) out["os.version"] = platform.os_version;
    if (!platform.variant.empty()) out["variant"] = platform.variant;
    return out;
}

Async<Result<>> distribution(RegistryService& registry, Exchange& exchange) {
    const auto& name = exchange.params.find("name")->second;
    if (oci::whole_id(name)) co_return fail(ErrorKind::kInternal, "no manifest found for full image ID");
    BERTH_CO_TRY(auto reference, oci::Reference::parse(name));
    auto credentials = registry::parse_registry_auth(exchange.request.headers.get("X-Registry-Auth"));
    auto asking = registry.inspect(reference, std::move(credentials));
    BERTH_CO_TRY(auto info, co_await std::move(asking));
    json out = {{"Descriptor",
                 {{"mediaType", info.descriptor.media_type},
                  {"digest", info.descriptor.digest.text()},
                  {"size", info.descriptor.size}}},
                {"Platforms", json::array()}};
    for (const auto& platform : info.platforms) out["Platforms"].push_back(show_platform(platform));
    co_return co_await exchange.json(200, std::move(out));
}

Result<int> number(const std::string& text, const std::string& error) {
    int value = 0;
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || text.empty())
        return fail(ErrorKind::kInvalidArgument, error);
    return value;
}

Result<registry::SearchRequest> search_request(const http::Request& request) {
    constexpr std::string_view kKnown[] = {"is-automated", "is-official", "stars"};
    registry::SearchRequest out{.term = request.query.get("term")};
    if (const auto limit = request.query.get("limit"); !limit.empty()) {
        BERTH_TRY(out.limit,
                  number(limit, fmt::format("strconv.Atoi: parsing \"{}\": invalid syntax", limit)));
    }
    BERTH_TRY(const auto filters, parse_filters(request.query, kKnown));
    BERTH_TRY(out.automated, filter_flag(filters, "is-automated", false));
    if (filters.contains("is-official")) {
        BERTH_TRY(out.official, filter_flag(filters, "is-official", false));
    }
    if (const auto stars = filters.find("stars"); stars != filters.end()) {
        for (const auto& text : stars->second) {
            BERTH_TRY(const int least, number(text, fmt::format("invalid filter 'stars={0}': strconv.Atoi: "
                                                                "parsing \"{0}\": invalid syntax",
                                                                text)));
            out.stars = std::max(out.stars, least);
        }
    }
    out.credentials = registry::parse_registry_auth(request.headers.get("X-Registry-Auth"));
    return out;
}

Async<Result<>> search(RegistryService& registry, Exchange& exchange) {
    BERTH_CO_TRY(auto request, search_request(exchange.request));
    BERTH_CO_TRY(auto found, co_await registry.search(std::move(request)));
    json out = json::array();
    for (const auto& result : found) {
        out.push_back({{"star_count", result.stars},
                       {"is_official", result.official},
                       {"name", result.name},
                       {"is_automated", false},
                       {"description", result.description}});
    }
    co_return co_await exchange.json(200, std::move(out));
}

}  // namespace

void add_registry_routes(Router& router, RegistryService& registry) {
    using Route = Async<Result<>> (*)(RegistryService&, Exchange&);
    auto add = [&](const char* method, const char* pattern, Route route) {
        router.add(method, pattern,
                   [&registry, route](Exchange& exchange) { return route(registry, exchange); });
    };
    add("POST", "/auth", login);
    add("GET", "/distribution/{name...}/json", distribution);
    add("GET", "/images/search", search);
}

}  // namespace berth::api
