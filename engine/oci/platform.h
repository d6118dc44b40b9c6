#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth::oci {

// os/architecture[/variant], normalised as containerd does (x86_64 -> amd64, aarch64 -> arm64, arm64 has v8).
struct Platform {
    std::string os = "linux";
    std::string architecture;
    std::string variant;
    std::string os_version;

    static Platform host();
    // "linux/amd64", "arm64", "linux/arm/v7".
    static Result<Platform> parse(std::string_view text);
    std::string text() const;
    // Whether this machine-platform can run an image for `image`.
    bool runs(const Platform& image) const;
    bool operator==(const Platform&) const = default;
};

}  // namespace berth::oci
