#pragma once

#include "engine/oci/image_spec.h"
#include "engine/oci/platform.h"

namespace berth::registry {

// The manifest of an index that suits `wanted` best; the first of equals. kNotFound: "no matching manifest
// for linux/amd64 in the manifest list entries".
Result<oci::Descriptor> choose_manifest(const oci::Index& index, const oci::Platform& wanted);

}  // namespace berth::registry
