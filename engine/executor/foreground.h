#pragma once

#include <signal.h>
#include <sys/types.h>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/executor/notify_socket.h"

// run and exec in the foreground: the runtime stays, hands signals on to the process and relays its terminal.
namespace berth::executor {

// Blocks all signals, so that none is lost before there is somebody to hand it to. Returns the mask of
// before.
sigset_t hold_signals();

// A socket pair for a terminal's master: `inner` is the process's console socket.
struct TerminalLine {
    UniqueFd inner, outer;
};
Result<TerminalLine> make_terminal_line();

// Stays until the process has ended, and returns its exit status as a shell says it. With a terminal the
// caller's own is raw meanwhile and its size follows. Children that are not the process (orphans that a
// subreaper gets) are reaped beside it.
Result<int> accompany(pid_t pid, UniqueFd master, NotifySocket& notify);

}  // namespace berth::executor
