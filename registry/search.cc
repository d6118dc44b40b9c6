#include "registry/search.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/http/url.h"
#include "registry/wire.h"

namespace berth::registry {

namespace {

using nlohmann::json;

constexpr int kDefaultLimit = 25, kMostResults = 100;

struct Term {
    std::string index, word;
};

// What is before the first slash is an index only if it looks like a host.
Term split(const std::string& term) {
    const auto slash = term.find('/');
    const auto first = term.substr(0, slash);
    const bool host = first.find_first_of(".:") != std::string::npos || first == "localhost";
    if (slash == std::string::npos || !host || first == "docker.io" || first == "index.docker.io") {
        const bool named = slash != std::string::npos && host;
        std::string word = named ? term.substr(slash + 1) : term;
        if (word.starts_with("library/")) word.erase(0, 8);
        return {"docker.io", std::move(word)};
    }
    return {first, term.substr(slash + 1)};
}

Async<Result<std::shared_ptr<Wire>>> open_index(IoContext& io, async::BlockingPool& pool, Settings settings,
                                                std::string index, Credentials credentials) {
    auto find = [&] { return find_hosts(*settings, index, Purpose::kPush); };
    BERTH_CO_TRY(auto hosts, co_await pool.run(find));
    RegistryHost host = hosts.front();
    if (index == "docker.io") host.authority = "index.docker.io";
    co_return co_await Wire::open(io, settings, std::move(host), std::move(credentials));
}

std::vector<SearchResult> read_results(const json& answer, const SearchRequest& request) {
    std::vector<SearchResult> out;
    const bool listed = answer.is_object() && answer.contains("results") && answer["results"].is_array();
    for (const auto& item : listed ? answer["results"] : json::array()) {
        if (!item.is_object() || out.size() == kMostResults) continue;
        auto text = [&](const char* name) {
            return item.contains(name) && item[name].is_string() ? item[name].get<std::string>()
                                                                 : std::string();
        };
        SearchResult result{text("name"), text("description")};
        if (item.contains("star_count") && item["star_count"].is_number_integer())
            result.stars = item["star_count"].get<int>();
        result.official = item.value("is_official", json()) == true;
        if (request.official && *request.official != result.official) continue;
        if (result.stars >= request.stars) out.push_back(std::move(result));
    }
    return out;
}

}  // namespace

Async<Result<std::vector<SearchResult>>> search_index(IoContext& io, async::BlockingPool& pool,
                                                      Settings settings, SearchRequest request) {
    const std::string& term = request.term;
    if (term.find("://") != std::string::npos) {
        co_return fail(
            ErrorKind::kInvalidArgument,
            fmt::format("invalid repository name: repository name ({}) should not have a scheme", term));
    }
    const int limit = request.limit == 0 ? kDefaultLimit : request.limit;
    if (limit < 1 || limit > kMostResults) {
        co_return fail(ErrorKind::kInvalidArgument,
                       fmt::format("limit {} is outside the range of [1, {}]", limit, kMostResults));
    }
    // Nothing is automated any more.
    if (request.automated) co_return std::vector<SearchResult>();
    const auto [index, word] = split(term);
    BERTH_CO_TRY(auto wire, co_await open_index(io, pool, settings, index, request.credentials));
    WireRequest asking{.target = fmt::format("/v1/search?q={}&n={}", http::encode_form(word), limit),
                       .scope = "registry:catalog:search"};
    asking.headers.set("X-Docker-Token", "true");
    asking.volunteer = true;
    auto response = co_await wire->send(std::move(asking));
    if (!response) co_return fail(ErrorKind::kInternal, response.error().message);
    if (response->status != 200)
        co_return fail(ErrorKind::kInternal, fmt::format("Unexpected status code {}", response->status));
    BERTH_CO_TRY(auto body, co_await read_document(*response->body, kDocumentLimit, settings->patience));
    const auto answer = json::parse(body, nullptr, false);
    if (!answer.is_object())
        co_return fail(ErrorKind::kInternal, "error decoding registry search results: not a JSON object");
    co_return read_results(answer, request);
}

}  // namespace berth::registry
