#pragma once

#include <string>

#include "engine/base/result.h"

// What create's two sides say to each other, over a socket pair:
//
//   parent (launch.cc)                              init (init.cc), in its new namespaces
//   ------------------                              -------------------------------------
//   clone3 ---------------------------------------> waits
//   maps its ids, puts it into its cgroup, sets
//   oom_score_adj
//   "go"  ----------------------------------------> root file system, devices
//   prestart and createRuntime hooks <------------- "hooks", if the spec has any
//   "go"  ----------------------------------------> createContainer hooks, pivot, sysctls, masks, terminal,
//                                                   limits, seccomp, user, capabilities, looks the program up
//   "warning" and a text, for the log <------------ any number of them
//   takes the descriptor and sends it to the <----- "listener" and its number, if seccomp has one
//   agent; "go"  --------------------------------->
//   "ready"  <------------------------------------- or "error" and a text: create fails, all is undone
//   writes state and pid file, ends
//                                                   reads the start fifo: blocks until `start` writes a byte
//   start (another process) writes the byte ------> startContainer hooks; an error of theirs goes into the
//   reads the answer fifo <------------------------ answer fifo, otherwise execve closes it
//
// A side that dies closes its end: the other reads end of file. Both fifos lie in the container's state
// folder and are open in init from before it pivots, so that no path of the container's is ever trusted.
//
// exec (cmd_exec.cc) speaks less: "go", any number of warnings, a listener, then "error", or end of file once
// the program runs.
namespace berth::executor {

struct SyncMessage {
    enum class Kind : char {
        kGo = 'g',
        kHooks = 'h',
        kReady = 'r',
        kWarning = 'w',
        kListener = 'l',
        kError = 'e'
    } kind = Kind::kGo;
    std::string text;
};

Result<> send_message(int fd, const SyncMessage& message);
// kUnavailable when the other side is gone.
Result<SyncMessage> receive_message(int fd);

}  // namespace berth::executor
