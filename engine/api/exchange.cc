#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/api/common_headers.h"
#include "engine/api/json_body.h"
#include "engine/api/router.h"

namespace berth::api {

namespace {
// More than any client sends: a request's JSON is held in memory.
constexpr std::size_t kBodyLimit = 16 << 20;

std::string render(const nlohmann::json& body) {
    return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
}  // namespace

http::Headers common_headers(std::string content_type) {
    http::Headers out;
    out.add("Api-Version", version_text(kLatest));
    if (!content_type.empty()) out.add("Content-Type", std::move(content_type));
    out.add("Docker-Experimental", "false");
    out.add("Ostype", "linux");
    out.add("Server", server_name());
    return out;
}

Async<Result<>> Exchange::json(unsigned status, nlohmann::json body) {
    return json_text(status, render(body));
}

Async<Result<>> Exchange::json_text(unsigned status, std::string body) {
    body += '\n';
    auto headers = common_headers("application/json");
    return responder.send(status, std::move(headers), std::move(body));
}

Async<Result<>> Exchange::empty(unsigned status) {
    auto headers = common_headers("");
    return responder.send(status, std::move(headers), "");
}

Async<Result<>> Exchange::stream(unsigned status, std::string content_type) {
    auto headers = common_headers(std::move(content_type));
    return responder.begin(status, std::move(headers));
}

Async<Result<nlohmann::json>> Exchange::body() {
    BERTH_CO_TRY(std::string text, co_await request.body->read_all(kBodyLimit));
    if (!text.empty() || request.headers.has("Content-Type")) {
        BERTH_CO_CHECK(check_content_type(request.headers.get("Content-Type")));
    }
    BERTH_CO_TRY(auto parsed, parse_json(text));
    if (parsed.is_null()) parsed = nlohmann::json::object();
    if (!parsed.is_object()) {
        const char* kind = parsed.is_boolean() ? "bool" : parsed.type_name();
        co_return fail(
            ErrorKind::kInvalidArgument,
            fmt::format("invalid JSON: json: cannot unmarshal {} into Go value of type object", kind));
    }
    co_return parsed;
}

Async<Result<nlohmann::json>> Exchange::body_or_empty() {
    const bool sized = request.headers.has("Content-Length") && request.headers.get("Content-Length") != "0";
    if (!sized && !request.headers.has("Transfer-Encoding")) co_return nlohmann::json::object();
    co_return co_await body();
}

Async<Result<std::unique_ptr<async::Stream>>> Exchange::upgrade(bool multiplexed, bool with_common_headers) {
    constexpr ApiVersion kFirstMultiplexed{1, 42};
    const bool asked = request.headers.has("Upgrade");
    std::string head = asked ? "HTTP/1.1 101 UPGRADED\r\n" : "HTTP/1.1 200 OK\r\n";
    const bool framed = asked && multiplexed && version >= kFirstMultiplexed;
    const http::Headers headers = with_common_headers ? common_headers("") : http::Headers();
    head += framed ? "Content-Type: application/vnd.docker.multiplexed-stream\r\n"
                   : "Content-Type: application/vnd.docker.raw-stream\r\n";
    if (asked) head += "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    for (const auto& [name, value] : headers.fields()) head += fmt::format("{}: {}\r\n", name, value);
    head += "\r\n";
    return responder.hijack(std::move(head));
}

}  // namespace berth::api
