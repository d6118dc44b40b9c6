#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/oci/image_spec.h"
#include "engine/oci/reference.h"
#include "registry/wire.h"

namespace berth::registry {

// One repository on one registry host, in the terms of the distribution protocol. Io thread only; several
// requests may be under way. Errors are worded by registry_error.h; every wait has a deadline.
class Repository {
 public:
    Repository(std::shared_ptr<Wire> wire, std::string path)
        : wire_(std::move(wire)), path_(std::move(path)) {}

    struct ManifestBytes {
        std::string media_type;  // as the registry calls it
        std::string bytes;
    };
    // `name`: a tag or a digest. What comes is not verified.
    Async<Result<ManifestBytes>> manifest(std::string name);
    // The digest that a tag stands for; nothing when the registry does not say. kNotFound when it has none.
    Async<Result<std::optional<Digest>>> digest_of(std::string name);
    // A blob from `offset` on: status 206, or 200 and all of it where the registry cannot do ranges. Here and
    // below `deadline` is that of somebody who has waited before.
    Async<Result<http::ClientResponse>> blob(Digest digest, std::uint64_t offset,
                                             std::optional<Deadline> deadline = {});
    // Every tag, in the registry's order; several pages are put together.
    Async<Result<std::vector<std::string>>> tags();

    // The writing half; tokens then allow both.
    Async<Result<bool>> has_blob(Digest digest, std::optional<Deadline> deadline = {});
    Async<Result<bool>> has_manifest(std::string name, Digest digest);
    Async<Result<>> put_manifest(std::string name, std::string media_type, std::string bytes);
    // Where an upload goes on; nothing when the blob has been mounted from the repository `from` ("" for
    // none) and needs none.
    Async<Result<std::optional<std::string>>> begin_upload(Digest digest, std::string from,
                                                           std::optional<Deadline> deadline = {});
    // The whole blob, or what is left of it, in one request that ends the upload.
    Async<Result<>> finish_upload(std::string location, Digest digest, http::BodySource* bytes);
    // A piece of it that starts at `offset`; returns where the upload goes on. `bytes` knows its size.
    Async<Result<std::string>> append_upload(std::string location, std::uint64_t offset,
                                             http::BodySource* bytes);
    // How much of an upload has arrived.
    struct UploadState {
        std::string location;
        std::uint64_t received = 0;
    };
    Async<Result<UploadState>> upload_state(std::string location, std::optional<Deadline> deadline = {});

    const std::string& path() const { return path_; }
    const Wire& wire() const { return *wire_; }

 private:
    WireRequest pulling(std::string method, std::string target) const;
    WireRequest pushing(std::string method, std::string target) const;
    Async<Failure> refused(http::ClientResponse response, std::string method, std::string target);
    Async<Result<http::ClientResponse>> expect(WireRequest request, std::vector<unsigned> statuses);
    Result<std::string> location_of(const http::ClientResponse& response, const std::string& asked) const;

    std::shared_ptr<Wire> wire_;
    std::string path_;
};

}  // namespace berth::registry
