#include "registry/exchange.h"

#include "engine/async/race.h"
#include "engine/http/status.h"

namespace berth::registry {

using std::chrono::steady_clock;

Async<Result<std::size_t>> PatientReader::read_some(std::span<char> buffer) {
    const auto left = patience_ - (steady_clock::now() - since_);
    auto reading = body_.read_some(buffer);
    auto limited = async::with_deadline(left, "read from the registry", std::move(reading));
    BERTH_CO_TRY(const std::size_t size, co_await std::move(limited));
    got_ += size;
    if (got_ >= RegistrySettings::kLeast) {
        got_ = 0;
        since_ = steady_clock::now();
    }
    co_return size;
}

Async<Result<std::string>> read_document(http::BodyReader& body, std::size_t limit,
                                         std::chrono::milliseconds patience) {
    std::string out, buffer(32 << 10, '\0');
    PatientReader reader(body, patience);
    for (;;) {
        BERTH_CO_TRY(const std::size_t size, co_await reader.read_some(buffer));
        if (size == 0) co_return out;
        if (out.size() + size > limit)
            co_return fail(ErrorKind::kInvalidArgument, "the registry's answer is too long");
        out.append(buffer, 0, size);
    }
}

Result<http::ClientOptions> client_options(const RegistrySettings& settings, const http::Endpoint& endpoint,
                                           std::shared_ptr<const http::TlsContext> tls) {
    http::ClientOptions out;
    out.deadline = std::chrono::ceil<std::chrono::seconds>(settings.patience);
    out.tls = std::move(tls);
    BERTH_TRY(out.proxy, http::proxy_for(settings.proxies, endpoint));
    return out;
}

Async<Result<http::ClientResponse>> ask_url(IoContext& io, const RegistrySettings& settings, std::string url,
                                            http::ClientRequest request,
                                            std::shared_ptr<const http::TlsContext> tls) {
    BERTH_CO_TRY(auto endpoint, http::Endpoint::parse(url));
    BERTH_CO_TRY(auto options, client_options(settings, endpoint, std::move(tls)));
    http::Client client(io, endpoint, std::move(options));
    request.target = url_target(url);
    request.headers.set("User-Agent", "berth/" BERTH_VERSION);
    auto response = co_await client.request(std::move(request));
    co_return response;
}

bool is_redirect(unsigned status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string status_words(unsigned status) {
    return std::to_string(status) + " " + std::string(http::status_text(status));
}

}  // namespace berth::registry
