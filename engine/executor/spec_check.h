#pragma once

#include "engine/base/result.h"
#include "engine/executor/options.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// What of a spec could never run, told before anything is made.
Result<> check_spec(const oci::RuntimeSpec& spec, const Options& options);
Result<> check_process(const oci::Process& process);

}  // namespace berth::executor
