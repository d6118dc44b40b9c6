#pragma once

#include <string>

#include "engine/base/result.h"

// What create's two sides say to each other, over a socket pair:
//
//   parent (launch.cc)                              init (init.cc), in its new namespaces
//   ------------------                              -------------------------------------
//   clone3 ---------------------------------------> waits
//   puts init into its cgroup, sets oom_score_adj
//   "go"  ----------------------------------------> root file system, devices, terminal, masks, sysctls,
//                                                   looks the program up, limits, seccomp, user, capabilities
//   "warning" and a text, for the log <------------ any number of them
//   "ready"  <------------------------------------- or "error" and a text: create fails, all is undone
//   writes state and pid file, ends
//                                                   opens the start fifo for writing: blocks until `start`
//                                                   reads it
//   start (another process) reads the fifo <------- one byte, then execve
//
// A side that dies closes its end: the other reads end of file.
//
// exec (cmd_exec.cc) speaks less: "go", any number of warnings, then "error", or end of file once the program
// runs.
namespace berth::executor {

struct SyncMessage {
    enum class Kind : char { kGo = 'g', kReady = 'r', kWarning = 'w', kError = 'e' } kind = Kind::kGo;
    std::string text;
};

Result<> send_message(int fd, const SyncMessage& message);
// kUnavailable when the other side is gone.
Result<SyncMessage> receive_message(int fd);

}  // namespace berth::executor
