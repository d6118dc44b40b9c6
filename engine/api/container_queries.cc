#include "engine/api/container_queries.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api-spec/types/field_of.h"
#include "engine/api/filters.h"

namespace berth::api {

namespace {

constexpr std::array<std::string_view, 15> kListFilters{
    "ancestor", "before", "exited",  "expose",  "health", "id",     "is-task", "isolation",
    "label",    "name",   "network", "publish", "since",  "status", "volume"};

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

bool parse_number(const std::string& text, std::int64_t& number) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

// "", "0" and what clients send for "not given" mean nothing.
Result<std::optional<Timestamp>> time_of(const http::Query& query, const char* name) {
    std::string text = query.get(name);
    if (text.empty() || text == "0") return std::optional<Timestamp>();
    if (auto seconds = parse_unix_time(text)) return std::optional<Timestamp>(*seconds);
    auto time = parse_rfc3339(text);
    if (!time)
        return fail(ErrorKind::kInternal, "strconv.ParseInt: parsing \"" + text + "\": invalid syntax");
    return std::optional<Timestamp>(*time);
}

Result<const nlohmann::json*> part_of(const nlohmann::json& body, const char* name) {
    const auto* found = types::field_of(body, name);
    if (found == nullptr || found->is_null()) return nullptr;
    if (found->is_object()) return found;
    return bad(std::string("invalid JSON: json: cannot unmarshal into Go struct field .") + name);
}

}  // namespace

Result<container::CreateRequest> create_request(const http::Query& query, nlohmann::json body) {
    container::CreateRequest request;
    if (body.empty()) return bad("config cannot be empty in order to create a container");
    request.name = query.get("name");
    // dockerode says it in the body as well.
    if (auto name = body.find("name"); request.name.empty() && name != body.end() && name->is_string()) {
        request.name = name->get<std::string>();
    }
    if (std::string platform = query.get("platform"); !platform.empty()) {
        BERTH_TRY(auto parsed, oci::Platform::parse(platform));
        request.platform = std::move(parsed);
    }
    BERTH_TRY(const auto* host, part_of(body, "HostConfig"));
    BERTH_TRY(const auto* networking, part_of(body, "NetworkingConfig"));
    BERTH_TRY(request.config, types::parse_container_config(body, ""));
    if (host != nullptr) {
        BERTH_TRY(request.host, types::parse_host_config(*host, ".HostConfig"));
    }
    if (networking != nullptr) {
        BERTH_TRY(request.endpoints, types::parse_networking_config(*networking, ".NetworkingConfig"));
    }
    return request;
}

Result<container::ListOptions> list_options(const http::Query& query) {
    container::ListOptions options;
    options.all = query.flag("all");
    std::string limit = query.get("limit");
    if (!limit.empty() && !parse_number(limit, options.limit)) {
        return fail(ErrorKind::kInternal, "strconv.Atoi: parsing \"" + limit + "\": invalid syntax");
    }
    options.size = query.flag("size");
    BERTH_TRY(options.filters, parse_filters(query, kListFilters));
    return options;
}

Result<container::StopOptions> stop_options(const http::Query& query) {
    container::StopOptions options;
    options.signal = query.get("signal");
    std::string seconds = query.get("t");
    if (seconds.empty()) return options;
    std::int64_t number = 0;
    if (!parse_number(seconds, number)) {
        return fail(ErrorKind::kInternal, "strconv.Atoi: parsing \"" + seconds + "\": invalid syntax");
    }
    options.seconds = number;
    return options;
}

Result<container::WaitCondition> wait_condition(const http::Query& query) {
    std::string text = query.get("condition");
    if (text.empty() || text == "not-running") return container::WaitCondition::kNotRunning;
    if (text == "next-exit") return container::WaitCondition::kNextExit;
    if (text == "removed") return container::WaitCondition::kRemoved;
    return bad("invalid condition: \"" + text + "\"");
}

Result<container::LogRequest> log_request(const http::Query& query) {
    container::LogRequest request;
    request.output = query.flag("stdout");
    request.error = query.flag("stderr");
    if (!request.output && !request.error) return bad("Bad parameters: you must choose at least one stream");
    request.follow = query.flag("follow");
    request.timestamps = query.flag("timestamps");
    request.details = query.flag("details");
    // What is not a number means all, as in Docker.
    std::int64_t tail = -1;
    request.tail = parse_number(query.get("tail", "all"), tail) && tail >= 0 ? tail : -1;
    BERTH_TRY(request.since, time_of(query, "since"));
    BERTH_TRY(request.until, time_of(query, "until"));
    return request;
}

container::AttachRequest attach_request(const http::Query& query) {
    container::AttachRequest request;
    request.input = query.flag("stdin");
    request.output = query.flag("stdout");
    request.error = query.flag("stderr");
    request.stream = query.flag("stream");
    request.logs = query.flag("logs");
    request.detach_keys = query.get("detachKeys");
    return request;
}

Result<TerminalSize> terminal_size(const http::Query& query) {
    std::int64_t height = 0, width = 0;
    std::string h = query.get("h"), w = query.get("w");
    if (!parse_number(h, height)) return bad("invalid resize height \"" + h + "\": invalid syntax");
    if (!parse_number(w, width)) return bad("invalid resize width \"" + w + "\": invalid syntax");
    if (height < 0 || height > 65535) return bad("invalid resize height \"" + h + "\": value out of range");
    if (width < 0 || width > 65535) return bad("invalid resize width \"" + w + "\": value out of range");
    return TerminalSize{static_cast<std::uint16_t>(height), static_cast<std::uint16_t>(width)};
}

}  // namespace berth::api
