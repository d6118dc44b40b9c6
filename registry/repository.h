#pragma once

#include <memory>
#include <string>

#include "engine/http/client.h"
#include "engine/oci/reference.h"
#include "registry/challenge.h"
#include "registry/endpoint.h"

namespace berth::registry {

// One repository of one registry, read through the distribution protocol. Io thread only; several requests
// may be under way. Errors are Docker's; every wait has a deadline.
class Repository {
 public:
    Repository(IoContext& io, RegistryAddress address, oci::Reference reference, Credentials credentials);

    struct ManifestBytes {
        std::string media_type;  // as the registry calls it
        std::string bytes;
    };
    // `name`: a tag or a digest. What comes is not verified.
    Async<Result<ManifestBytes>> manifest(std::string name);
    // A blob from `offset` on: status 206, or 200 and all of it where the registry cannot do ranges.
    Async<Result<http::ClientResponse>> blob(Digest digest, std::uint64_t offset);

 private:
    Async<Result<http::ClientResponse>> get(std::string target, http::Headers headers);
    Async<Result<http::ClientResponse>> follow(http::ClientResponse response, http::Headers headers);
    Async<Result<http::ClientResponse>> ask(std::string target, http::Headers headers);
    Async<Result<>> authorize(std::string challenge, std::string target);
    Async<Result<std::string>> fetch_token(Challenge challenge);
    Async<Failure> refused(http::ClientResponse response);

    IoContext& io_;
    RegistryAddress address_;
    oci::Reference reference_;
    Credentials credentials_;
    http::Client client_;
    std::string authorization_;  // what worked last
};

// Reads with a limit on silence: kDeadlineExceeded after a minute without a byte.
Async<Result<std::size_t>> read_patiently(http::BodyReader& body, std::span<char> buffer);
Async<Result<std::string>> read_document(http::BodyReader& body, std::size_t limit);

}  // namespace berth::registry
