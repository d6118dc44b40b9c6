#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth::oci {

// os/architecture[/variant], normalised as containerd does (x86_64 -> amd64, aarch64 and arm64/v8 -> arm64,
// arm -> arm/v7).
struct Platform {
    std::string os = "linux";
    std::string architecture;
    std::string variant;
    std::string os_version;

    static Platform host();
    // "linux/amd64", "arm64", "linux/arm/v7". kInvalidArgument with containerd's texts.
    static Result<Platform> parse(std::string_view text);
    // The same platform under its usual name.
    Platform normalised() const;
    std::string text() const;
    // Whether this machine-platform can run an image for `image`.
    bool runs(const Platform& image) const { return preference(image).has_value(); }
    // How well an image for `image` suits this machine-platform: 0 is its own, larger is worse (an older
    // variant, the 32-bit sibling), nothing when it cannot run.
    std::optional<int> preference(const Platform& image) const;
    bool operator==(const Platform&) const = default;
};

}  // namespace berth::oci
