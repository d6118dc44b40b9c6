#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/spec/container_spec.h"

namespace berth::spec {

extern const std::string_view kDefaultSeccompProfile;

// The section for a profile in Docker's format: rules are kept or dropped by capabilities in the bounding
// set, the architecture and the kernel's version; archMap is reduced to this architecture. Nothing for a
// profile that says nothing. kInvalidArgument ("Decoding seccomp profile failed: …") if it is malformed.
Result<std::optional<oci::Seccomp>> resolve_seccomp(std::string_view profile,
                                                    const std::vector<std::string>& caps,
                                                    const HostFacts& host);
// The default profile, parsed once.
Result<std::optional<oci::Seccomp>> default_seccomp(const std::vector<std::string>& caps,
                                                    const HostFacts& host);

}  // namespace berth::spec
