#pragma once

#include "engine/base/result.h"
#include "engine/executor/options.h"

// One subcommand each; arguments are checked by the command itself.
namespace berth::executor {

Result<> create_command(const Options& options);
// Creates, starts and, unless detached, accompanies it to its end: the program ends as the process did.
Result<> run_command(const Options& options);
Result<> start_command(const Options& options);
Result<> state_command(const Options& options);
Result<> kill_command(const Options& options);
Result<> delete_command(const Options& options);
Result<> list_command(const Options& options);
Result<> pause_command(const Options& options);
Result<> resume_command(const Options& options);
Result<> ps_command(const Options& options);
Result<> update_command(const Options& options);
Result<> events_command(const Options& options);
Result<> spec_command(const Options& options);
Result<> features_command(const Options& options);
// By criu, where it is installed.
Result<> checkpoint_command(const Options& options);
Result<> restore_command(const Options& options);
// In the foreground it does not return: the program ends as the process did.
Result<> exec_command(const Options& options);

// The one argument of commands that take a container: `"runc CMD" requires exactly N argument(s)` otherwise.
Result<std::string> only_id(const Options& options, std::size_t least = 1, std::size_t most = 1);

}  // namespace berth::executor
