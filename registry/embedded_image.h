#pragma once

#include <string_view>

#include "engine/oci/reference.h"

namespace berth::registry {

// The docker-archive that this program carries for `reference`; "" for every image but hello-world:latest.
std::string_view embedded_archive(const oci::Reference& reference);

}  // namespace berth::registry
