#pragma once

#include <string>

#include "engine/http/client.h"
#include "registry/hosts.h"

namespace berth::registry {

using std::chrono::steady_clock;

// When a peer that gets nowhere is given up: some time after it last got further. One for a piece of work,
// over all attempts at it.
class Deadline {
 public:
    explicit Deadline(std::chrono::milliseconds patience) : patience_(patience) { renew(); }
    // It has got further.
    void renew() { at_ = steady_clock::now() + patience_; }
    // For a time that it is not to blame for.
    void put_off(steady_clock::duration time) { at_ += time; }
    steady_clock::time_point at() const { return at_; }
    steady_clock::duration left() const { return at_ - steady_clock::now(); }

 private:
    std::chrono::milliseconds patience_;
    steady_clock::time_point at_;
};

// Reads as long as the peer neither stalls (see RegistrySettings) nor misses the deadline, which it renews by
// what it sends: else kDeadlineExceeded.
class PatientReader {
 public:
    PatientReader(http::BodyReader& body, const RegistrySettings& settings, Deadline& deadline)
        : body_(body), stall_(settings.stall()), deadline_(deadline), since_(steady_clock::now()) {}
    Async<Result<std::size_t>> read_some(std::span<char> buffer);

 private:
    http::BodyReader& body_;
    std::chrono::milliseconds stall_;
    Deadline& deadline_;
    steady_clock::time_point since_;
    std::size_t got_ = 0;  // since then
};

// A body that ends with kDeadlineExceeded when the peer gets nowhere for the settings' patience.
std::unique_ptr<http::BodyReader> patient_body(std::unique_ptr<http::BodyReader> body, Settings settings);

// A whole body; kInvalidArgument when it is longer than `limit`, kDeadlineExceeded when it is not all here
// after `patience`.
Async<Result<std::string>> read_document(http::BodyReader& body, std::size_t limit,
                                         std::chrono::milliseconds patience);

// What every client of this folder is made with. `tls` as in ClientOptions.
Result<http::ClientOptions> client_options(const RegistrySettings& settings, const http::Endpoint& endpoint,
                                           std::shared_ptr<const http::TlsContext> tls);

// One request to an absolute URL on a connection of its own, as a stranger: no credentials but those in
// `request.headers`, no redirects followed. `hurry`: connecting and answering take a stall's time at most.
Async<Result<http::ClientResponse>> ask_url(IoContext& io, const RegistrySettings& settings, std::string url,
                                            http::ClientRequest request,
                                            std::shared_ptr<const http::TlsContext> tls, bool hurry = false);

inline constexpr std::size_t kDocumentLimit = 4 << 20, kErrorLimit = 64 << 10;

bool is_redirect(unsigned status);
// "404 Not Found"
std::string status_words(unsigned status);

}  // namespace berth::registry
