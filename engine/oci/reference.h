#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/digest.h"
#include "engine/base/result.h"

namespace berth::oci {

// The name of an image: domain/path[:tag][@digest], in the distribution grammar. Always normalised:
// "busybox" is docker.io/library/busybox, "user/app:1" is docker.io/user/app:1, "localhost:5000/x" stays.
class Reference {
 public:
    // What a user typed. kInvalidArgument with Docker's texts ("invalid reference format", "invalid reference
    // format: repository name (library/X) must be lowercase", "invalid checksum digest length", …).
    static Result<Reference> parse(std::string_view text);

    const std::string& domain() const { return domain_; }  // "docker.io", "127.0.0.1:5000"
    const std::string& path() const { return path_; }      // "library/busybox"
    const std::string& tag() const { return tag_; }        // "" for none
    const std::optional<Digest>& digest() const { return digest_; }
    bool name_only() const { return tag_.empty() && !digest_; }

    // "docker.io/library/busybox"
    std::string name() const { return domain_ + "/" + path_; }
    // "docker.io/library/busybox:latest@sha256:…", as far as there is a tag and a digest.
    std::string text() const;
    // As Docker shows them: "busybox", "busybox:latest".
    std::string familiar_name() const;
    std::string familiar() const;

    // A bare name gets ":latest".
    Reference with_default_tag() const;
    // kInvalidArgument: "invalid tag format".
    Result<Reference> with_tag(std::string_view tag) const;
    Reference with_digest(const Digest& digest) const;
    // Without tag and digest.
    Reference trimmed() const;

    bool operator==(const Reference&) const = default;

 private:
    Reference(std::string domain, std::string path) : domain_(std::move(domain)), path_(std::move(path)) {}
    std::string domain_, path_, tag_;
    std::optional<Digest> digest_;
};

// The ID that `text` may stand for: the hex digits of 4 to 64 of them, with or without "sha256:" in front;
// "" when it can only be a name.
std::string_view id_prefix(std::string_view text);

// Whether the last resort of Docker's rules makes `text` a whole digest: "sha256:<64 hex>" or 64 bare hex
// digits.
std::optional<Digest> whole_id(std::string_view text);

}  // namespace berth::oci
