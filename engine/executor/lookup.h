#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// The path of the program to execute, by the PATH of the process's own environment, inside the current root
// and folder, and by the access rules for who calls: the user that will execute it. Errors are Go's, which
// clients match: exec: "x": executable file not found in $PATH, exec: "/etc": is a directory, exec: "/x":
// permission denied, exec: "/x": stat /x: no such file or directory.
Result<std::string> find_program(const oci::Process& process);

}  // namespace berth::executor
