#pragma once

#include <string>

#include "engine/http/client.h"
#include "registry/hosts.h"

namespace berth::registry {

// Reads with patience: kDeadlineExceeded when the peer stalls (see RegistrySettings::patience).
class PatientReader {
 public:
    PatientReader(http::BodyReader& body, std::chrono::milliseconds patience)
        : body_(body), patience_(patience), since_(std::chrono::steady_clock::now()) {}
    Async<Result<std::size_t>> read_some(std::span<char> buffer);

 private:
    http::BodyReader& body_;
    std::chrono::milliseconds patience_;
    std::chrono::steady_clock::time_point since_;
    std::size_t got_ = 0;  // since then
};

// A whole body; kInvalidArgument when it is longer than `limit`.
Async<Result<std::string>> read_document(http::BodyReader& body, std::size_t limit,
                                         std::chrono::milliseconds patience);

// What every client of this folder is made with. `tls` as in ClientOptions.
Result<http::ClientOptions> client_options(const RegistrySettings& settings, const http::Endpoint& endpoint,
                                           std::shared_ptr<const http::TlsContext> tls);

// One request to an absolute URL on a connection of its own, as a stranger: no credentials but those in
// `request.headers`, no redirects followed.
Async<Result<http::ClientResponse>> ask_url(IoContext& io, const RegistrySettings& settings, std::string url,
                                            http::ClientRequest request,
                                            std::shared_ptr<const http::TlsContext> tls);

inline constexpr std::size_t kDocumentLimit = 4 << 20, kErrorLimit = 64 << 10;

bool is_redirect(unsigned status);
// "404 Not Found"
std::string status_words(unsigned status);

}  // namespace berth::registry
