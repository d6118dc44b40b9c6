#include "registry/registry_error.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace berth::registry {

namespace {

struct Refusal {
    std::string code, message;

    // "MANIFEST_UNKNOWN" reads "manifest unknown".
    std::string text() const {
        std::string words;
        for (char c : code)
            words += c == '_' ? ' ' : (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
        return words + ": " + message;
    }
};

Refusal first_refusal(const std::string& body) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (!json.is_object() || !json.contains("errors") || !json["errors"].is_array() || json["errors"].empty())
        return {};
    const auto& first = json["errors"][0];
    auto text = [&](const char* name) {
        return first.is_object() && first.contains(name) && first[name].is_string()
                   ? first[name].get<std::string>()
                   : std::string();
    };
    return {text("code"), text("message")};
}

}  // namespace

Failure registry_error(unsigned status, const std::string& body, const oci::Reference& reference) {
    auto refusal = first_refusal(body);
    if (refusal.code.empty() && status == 404) refusal = {"MANIFEST_UNKNOWN", "manifest unknown"};
    if (refusal.code == "MANIFEST_UNKNOWN" || refusal.code == "NOT_FOUND") {
        return fail(ErrorKind::kNotFound,
                    fmt::format("manifest for {} not found: {}", reference.familiar(), refusal.text()));
    }
    if (refusal.code == "NAME_UNKNOWN") {
        return fail(ErrorKind::kNotFound,
                    fmt::format("repository {} not found: {}", reference.familiar_name(), refusal.text()));
    }
    // Docker Hub says "unauthorized" for a repository that does not exist.
    const bool hidden = refusal.code == "UNAUTHORIZED" && reference.domain() == "docker.io";
    if (refusal.code == "DENIED" || hidden) {
        const auto cause = hidden ? "denied: requested access to the resource is denied" : refusal.text();
        return fail(
            ErrorKind::kNotFound,
            fmt::format(
                "pull access denied for {}, repository does not exist or may require 'docker login': {}",
                reference.familiar_name(), cause));
    }
    if (refusal.code == "UNAUTHORIZED") return fail(ErrorKind::kUnauthorized, refusal.text());
    if (refusal.code == "TOOMANYREQUESTS") return fail(ErrorKind::kUnavailable, refusal.text());
    if (!refusal.code.empty()) return fail(ErrorKind::kInternal, refusal.text());
    if (status == 401) return fail(ErrorKind::kUnauthorized, "unauthorized: authentication required");
    return fail(ErrorKind::kInternal, fmt::format("received unexpected HTTP status: {}", status));
}

}  // namespace berth::registry
