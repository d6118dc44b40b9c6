#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::network {

// Runs a system tool with `input` on its standard input and returns what it wrote to its standard output. An
// exit status other than 0 is an error with what it wrote to its standard error. Killed after 20 s.
Result<std::string> run_command(const std::vector<std::string>& arguments, const std::string& input = {});

// The path of a tool of the system ("iptables-restore") in the folders where such tools are; never $PATH.
Result<std::string> find_tool(const std::string& name);

}  // namespace berth::network
