#pragma once

#include "cli/commands/command.h"

namespace berth::cli {

// Writes what comes to a descriptor.
Engine::Drain write_to(int fd);
// A GET whose answer goes into the file `path`, which appears when it is whole, or to stdout if that is empty
// and no terminal.
Result<> save_stream(Engine& engine, const std::string& target, const std::string& path);

int cp_command(Invocation& invocation, const Arguments& arguments);
int diff_command(Invocation& invocation, const Arguments& arguments);
int export_command(Invocation& invocation, const Arguments& arguments);
int commit_command(Invocation& invocation, const Arguments& arguments);

}  // namespace berth::cli
