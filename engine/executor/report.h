#pragma once

#include "engine/base/result.h"
#include "engine/executor/options.h"

namespace berth::executor {

// Tells an error the way runc's callers read it: "runc COMMAND failed: …" for create and run, "exec failed:
// …", the bare text otherwise, on stderr and as one line of --log.
void report(const Options& options, const Error& error);
// A line of --debug, on stderr or in the log.
void debug(const Options& options, const std::string& message);
void warn(const Options& options, const std::string& message);

}  // namespace berth::executor
