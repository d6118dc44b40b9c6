#include "registry/fetch_url.h"

#include <fmt/format.h>

#include "engine/http/url.h"

namespace berth::registry {

namespace {
constexpr int kRedirects = 10;
}

Async<Result<http::ClientResponse>> fetch_url(IoContext& io, Settings settings, std::string url) {
    for (int hop = 0; hop <= kRedirects; ++hop) {
        const bool known = url.starts_with("http://") || url.starts_with("https://");
        if (!known) {
            co_return fail(ErrorKind::kInvalidArgument,
                           fmt::format("Get \"{}\": unsupported protocol scheme", url));
        }
        http::ClientRequest request;
        auto asked = ask_url(io, *settings, url, std::move(request), nullptr);
        auto response = co_await std::move(asked);
        if (!response) co_return in(fmt::format("Get \"{}\"", url), std::move(response));
        if (!is_redirect(response->status)) {
            if (response->status < 400) {
                response->body = patient_body(std::move(response->body), settings);
                co_return response;
            }
            co_return fail(ErrorKind::kInternal, fmt::format("failed to GET {} with status {}", url,
                                                             status_words(response->status)));
        }
        std::string location(response->headers.get("Location"));
        if (location.starts_with('/') && !location.starts_with("//")) location = url_origin(url) + location;
        url = std::move(location);
    }
    co_return fail(ErrorKind::kInternal,
                   fmt::format("Get \"{}\": stopped after {} redirects", url, kRedirects));
}

}  // namespace berth::registry
