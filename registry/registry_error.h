#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/oci/reference.h"

namespace berth::registry {

// What a registry's refusal means, in Docker's words: "manifest for x:1 not found: manifest unknown: manifest
// unknown", "pull access denied for x, …", "unauthorized: authentication required". `body` is the
// distribution protocol's
// {"errors":[{"code","message"}]} or anything else.
Failure registry_error(unsigned status, const std::string& body, const oci::Reference& reference);

}  // namespace berth::registry
