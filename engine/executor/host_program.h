#pragma once

#include <string>

#include "engine/base/result.h"

namespace berth::executor {

// Where $PATH has this program of the host's. kUnavailable: `exec: "NAME": executable file not found in
// $PATH`.
Result<std::string> find_host_program(const std::string& name);

}  // namespace berth::executor
