#pragma once

#include "engine/base/result.h"
#include "engine/spec/container_spec.h"

namespace berth::spec {

// Appends the nodes and rules of `--device`, `--device-cgroup-rule` and `--privileged` to those in `linux`.
// Reads the host's device nodes. Errors: "error gathering device information while adding custom device
// \"X\": …", "invalid device cgroup rule format: 'X'".
Result<> add_devices(const ContainerSpec& from, oci::Linux& linux_section);

}  // namespace berth::spec
