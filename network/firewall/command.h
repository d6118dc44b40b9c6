#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::network {

// Runs a system tool with `input` on its standard input and returns what it wrote to its standard output. An
// exit status other than 0 is an error with what it wrote to its standard error. Killed after 20 s.
Result<std::string> run_command(const std::vector<std::string>& arguments, const std::string& input = {});

// Says that the tool has done what it was started for, once its pidfd is readable or `done` is: then a tool
// that takes long to end is not waited for.
struct EarlyEnd {
    int fd = -1;                                 // readable when done() may have something to say
    std::function<bool(pid_t process)> done;     // reads what is there
    std::function<void(pid_t process)> started;  // told before anything is waited for
};
Result<> run_until(const std::vector<std::string>& arguments, const std::string& input,
                   const EarlyEnd& early_end);

// The path of a tool of the system ("iptables-restore") in the folders where such tools are; never $PATH.
Result<std::string> find_tool(const std::string& name);

}  // namespace berth::network
