#include "engine/api/event_routes.h"

#include <nlohmann/json.hpp>

#include "engine/api/filters.h"
#include "engine/async/race.h"
#include "engine/async/spawn.h"
#include "engine/base/time.h"
#include "engine/events/filter.h"

namespace berth::api {

namespace {

using nlohmann::json;

// One line of the stream. Events of containers and images carry the fields of the API before 1.22 too.
std::string render(const events::Event& event, ApiVersion version) {
    constexpr ApiVersion kWithoutLegacy{1, 52};
    json out{{"Type", event.type},
             {"Action", event.action},
             {"Actor", {{"ID", event.actor_id}, {"Attributes", event.attributes}}},
             {"scope", event.scope}};
    const auto nanoseconds = event.time.time_since_epoch().count();
    out["time"] = nanoseconds / 1'000'000'000;
    out["timeNano"] = nanoseconds;
    const bool legacy = (event.type == "container" || event.type == "image") && version < kWithoutLegacy;
    if (legacy) {
        out["status"] = event.action;
        if (!event.actor_id.empty()) out["id"] = event.actor_id;
    }
    if (auto image = event.attributes.find("image"); legacy && image != event.attributes.end())
        out["from"] = image->second;
    return out.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

struct Window {
    std::optional<Timestamp> since, until;
    events::Filter filter;

    bool wants(const events::Event& event) const {
        return (!since || event.time >= *since) && (!until || event.time <= *until) &&
               events::matches(event, filter);
    }
};

Result<std::optional<Timestamp>> time_parameter(const http::Query& query, std::string_view name) {
    const std::string text = query.get(name);
    if (text.empty() || text == "0") return std::optional<Timestamp>();
    BERTH_TRY(auto time, parse_unix_time(text));
    return std::optional<Timestamp>(time);
}

Result<Window> read_window(const http::Query& query) {
    Window out;
    BERTH_TRY(out.since, time_parameter(query, "since"));
    BERTH_TRY(out.until, time_parameter(query, "until"));
    if (out.since && out.until && *out.since > *out.until) {
        return fail(ErrorKind::kInvalidArgument, "`since` time (" + query.get("since") +
                                                     ") cannot be after `until` time (" + query.get("until") +
                                                     ")");
    }
    // As dockerd: a filter that it does not know lets everything through.
    BERTH_TRY(out.filter, parse_filters(query, {}));
    return out;
}

Async<Result<>> send_live(http::Responder& responder, events::Bus::Subscription& live, const Window& window,
                          ApiVersion version) {
    for (;;) {
        BERTH_CO_TRY(auto event, co_await live.next());
        if (!window.wants(event)) continue;
        std::string line = render(event, version);
        BERTH_CO_CHECK(co_await responder.write(line));
    }
}

Async<Result<>> until_over(std::optional<Timestamp> until, http::Responder& responder) {
    if (!until) {
        co_await responder.client_gone();
        co_return Result<>();
    }
    // A timer cannot look further ahead than some centuries.
    constexpr std::chrono::nanoseconds kLongest = std::chrono::hours(24 * 365);
    auto sleeping = async::sleep_for(std::min(kLongest, std::chrono::nanoseconds(*until - now())));
    auto left = co_await async::race(std::move(sleeping), responder.client_gone());
    (void)left;
    co_return Result<>();
}

Async<Result<>> stream_events(events::Bus& bus, Exchange& exchange) {
    BERTH_CO_TRY(auto window, read_window(exchange.request.query));
    auto reading = bus.subscribe();
    BERTH_CO_CHECK(co_await exchange.stream(200, "application/json"));
    if (window.since || window.until) {
        for (const auto& event : reading.past) {
            if (!window.wants(event)) continue;
            std::string line = render(event, exchange.version);
            BERTH_CO_CHECK(co_await exchange.responder.write(line));
        }
    }
    if (!window.until || *window.until > now()) {
        auto live = send_live(exchange.responder, *reading.live, window, exchange.version);
        auto over = until_over(window.until, exchange.responder);
        auto ended = co_await async::race(std::move(live), std::move(over));
        (void)ended;
    }
    BERTH_CO_CHECK(co_await exchange.responder.end());
    co_return Result<>();
}

}  // namespace

void add_event_routes(Router& router, events::Bus& bus) {
    router.add("GET", "/events", [&bus](Exchange& exchange) { return stream_events(bus, exchange); });
}

}  // namespace berth::api
