#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// A set of capabilities as bits. Names that this program or the kernel does not have are left out, as in
// runc.
std::uint64_t capability_bits(const std::vector<std::string>& names);
// Those names, for a warning; "" if there are none.
std::string unavailable_capabilities(const oci::Capabilities& sets);

// All that this program knows, "CAP_CHOWN" first.
std::vector<std::string> known_capabilities();

// Drops what the bounding set does not name. Needs CAP_SETPCAP.
Result<> limit_bounding_set(const oci::Capabilities& sets);
// The other four sets, once the user has been changed. An ambient capability that cannot be raised (it must
// be inheritable) is only told, in runc's words; the result is that text, or "".
Result<std::string> set_capabilities(const oci::Capabilities& sets);

}  // namespace berth::executor
