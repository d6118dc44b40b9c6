#include "registry/registry_error.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "registry/exchange.h"

namespace berth::registry {

namespace {

ErrorKind kind_of(unsigned status) {
    switch (status) {
        case 401:
            return ErrorKind::kUnauthorized;
        case 403:
            return ErrorKind::kForbidden;
        case 404:
            return ErrorKind::kNotFound;
        case 429:
        case 502:
        case 503:
        case 504:
            return ErrorKind::kUnavailable;
        default:
            return ErrorKind::kInternal;
    }
}

}  // namespace

std::string first_error(const std::string& body) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (!json.is_object() || !json.contains("errors") || !json["errors"].is_array() || json["errors"].empty())
        return {};
    const auto& first = json["errors"][0];
    auto text = [&](const char* name) {
        return first.is_object() && first.contains(name) && first[name].is_string()
                   ? first[name].get<std::string>()
                   : std::string();
    };
    std::string words;
    // "MANIFEST_UNKNOWN" reads "manifest unknown".
    for (char c : text("code"))
        words += c == '_' ? ' ' : (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
    if (words.empty()) return {};
    // Bytes from a stranger end in our JSON and in a terminal.
    std::string message = text("message").substr(0, 512);
    for (char& c : message) {
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
    }
    return message.empty() ? words : words + ": " + message;
}

Async<Refusal> read_refusal(http::ClientResponse response, std::string method, std::string url,
                            std::chrono::milliseconds patience) {
    Refusal out{response.status, std::move(method), std::move(url), {}};
    auto body = co_await read_document(*response.body, kErrorLimit, patience);
    if (body) out.body = std::move(*body);
    co_return out;
}

Failure unexpected_status(const Refusal& refusal) {
    std::string text = fmt::format("unexpected status from {} request to {}: {}", refusal.method, refusal.url,
                                   status_words(refusal.status));
    if (const auto said = first_error(refusal.body); !said.empty()) text += ": " + said;
    return fail(kind_of(refusal.status), std::move(text));
}

Failure tags_failure(Error error, const std::string& reference, const std::string& familiar_name) {
    constexpr std::string_view kStatus = "404 Not Found: ";
    const auto said = error.message.rfind(kStatus);
    if (error.kind != ErrorKind::kNotFound || said == std::string::npos)
        return resolve_failure(std::move(error), reference, familiar_name);
    return fail(ErrorKind::kNotFound, fmt::format("repository {} not found: {}", familiar_name,
                                                  error.message.substr(said + kStatus.size())));
}

Failure resolve_failure(Error error, const std::string& reference, const std::string& familiar_name) {
    const std::string phrase = fmt::format("failed to resolve reference \"{}\"", reference);
    if (error.kind == ErrorKind::kNotFound)
        return fail(ErrorKind::kNotFound, fmt::format("{}: {}: not found", phrase, reference));
    if (error.kind != ErrorKind::kUnauthorized) {
        if (error.kind != ErrorKind::kCancelled) error.kind = ErrorKind::kInternal;
        const bool line = error.message.starts_with("Head \"") || error.message.starts_with("Get \"");
        if (line) error = std::move(error).in("failed to do request");
        return Failure(std::move(error).in(phrase));
    }
    // Without any credentials it is an error of the engine's, as with Docker; with wrong ones the image is
    // hidden.
    if (error.message.find("no basic auth credentials") != std::string::npos) {
        return fail(ErrorKind::kInternal,
                    fmt::format("{}: pull access denied, repository does not exist or may require "
                                "authorization: {}",
                                phrase, error.message));
    }
    return fail(
        ErrorKind::kNotFound,
        fmt::format("pull access denied for {}, repository does not exist or may require 'docker login'",
                    familiar_name));
}

}  // namespace berth::registry
