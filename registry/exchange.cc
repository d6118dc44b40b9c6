#include "registry/exchange.h"

#include <fmt/format.h>

#include "engine/async/race.h"
#include "engine/http/status.h"

namespace berth::registry {

namespace {

constexpr const char* kReading = "read from the registry";

class PatientBody final : public http::BodyReader {
 public:
    PatientBody(std::unique_ptr<http::BodyReader> inner, Settings settings)
        : inner_(std::move(inner)), settings_(std::move(settings)), deadline_(settings_->patience) {}

    Async<Result<std::size_t>> read_some(std::span<char> buffer) override {
        auto reading = inner_->read_some(buffer);
        auto limited = async::with_deadline(deadline_.left(), kReading, std::move(reading));
        BERTH_CO_TRY(const std::size_t size, co_await std::move(limited));
        got_ += size;
        if (got_ >= RegistrySettings::kLeast) {
            got_ = 0;
            deadline_.renew();
        }
        co_return size;
    }

 private:
    std::unique_ptr<http::BodyReader> inner_;
    Settings settings_;
    Deadline deadline_;
    std::size_t got_ = 0;  // since it was renewed
};

}  // namespace

Async<Result<std::size_t>> PatientReader::read_some(std::span<char> buffer) {
    const auto until = std::min(since_ + stall_, deadline_.at());
    auto reading = body_.read_some(buffer);
    auto limited = async::with_deadline(until - steady_clock::now(), kReading, std::move(reading));
    auto size = co_await std::move(limited);
    if (!size && size.error().kind == ErrorKind::kDeadlineExceeded) {
        co_return fail(ErrorKind::kDeadlineExceeded,
                       fmt::format("{}: fewer than {} bytes in {:g}s", kReading, RegistrySettings::kLeast,
                                   std::chrono::duration<double>(stall_).count()));
    }
    if (!size) co_return size;
    got_ += *size;
    if (got_ >= RegistrySettings::kLeast) {
        got_ = 0;
        since_ = steady_clock::now();
        deadline_.renew();
    }
    co_return size;
}

std::unique_ptr<http::BodyReader> patient_body(std::unique_ptr<http::BodyReader> body, Settings settings) {
    return std::make_unique<PatientBody>(std::move(body), std::move(settings));
}

Async<Result<std::string>> read_document(http::BodyReader& body, std::size_t limit,
                                         std::chrono::milliseconds patience) {
    std::string out, buffer(32 << 10, '\0');
    const Deadline deadline(patience);
    for (;;) {
        auto reading = body.read_some(buffer);
        auto limited = async::with_deadline(deadline.left(), kReading, std::move(reading));
        BERTH_CO_TRY(const std::size_t size, co_await std::move(limited));
        if (size == 0) co_return out;
        if (out.size() + size > limit)
            co_return fail(ErrorKind::kInvalidArgument, "the registry's answer is too long");
        out.append(buffer, 0, size);
    }
}

Result<http::ClientOptions> client_options(const RegistrySettings& settings, const http::Endpoint& endpoint,
                                           std::shared_ptr<const http::TlsContext> tls) {
    http::ClientOptions out;
    out.deadline = settings.patience;
    // A body that stalls can be sent once more before the patience is over.
    out.piece_deadline = settings.patience / 2;
    out.tls = std::move(tls);
    BERTH_TRY(out.proxy, http::proxy_for(settings.proxies, endpoint));
    return out;
}

Async<Result<http::ClientResponse>> ask_url(IoContext& io, const RegistrySettings& settings, std::string url,
                                            http::ClientRequest request,
                                            std::shared_ptr<const http::TlsContext> tls, bool hurry) {
    BERTH_CO_TRY(auto endpoint, http::Endpoint::parse(url));
    BERTH_CO_TRY(auto options, client_options(settings, endpoint, std::move(tls)));
    if (hurry) options.deadline = settings.stall();
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
