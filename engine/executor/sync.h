#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// What create's two sides say to each other, over a socket pair:
//
//   parent (launch.cc)                              init (init.cc), in its new namespaces
//   ------------------                              -------------------------------------
//   clone3 ---------------------------------------> waits
//   maps its ids, sets oom_score_adj
//   "go"  ----------------------------------------> root file system
//   makes its cgroup with the limits, drafts the
//   state
//   "cgroup", with the files to join it by -------> joins, before anything is mounted or made that shows its
//                                                   cgroup or is charged to it; devices
//   makes it in init's mount namespace, and <------ "source" and the number of a mount, any number of them:
//   in answers with the descriptor ------------------> a user namespace, and from what is mounted inside
//   prestart and createRuntime hooks <------------- "hooks", if the spec has any
//   "go"  ----------------------------------------> createContainer hooks, pivot, sysctls, masks, terminal,
//                                                   limits, seccomp, user, capabilities, looks the program up
//   "warning" or "debug" and a text for the log <-- any number of them
//   takes the descriptor and sends it to the <----- "listener" and its number, if seccomp has one
//   agent; "go"  --------------------------------->
//   "ready"  <------------------------------------- or "error" and a text: create fails, all is undone
//   sets limits, if there is a user namespace;
//   puts state and pid file in their place
//   create: "go", ends ---------------------------> closes its end, waits at the gate (start_gate.h) until
//                                                   `start`, which is another process, opens it;
//                                                   startContainer hooks; execve
//   run: "go" ------------------------------------> startContainer hooks; execve closes its end
//   "run" fails with the text <-------------------- "error" and a text, if a hook has failed
//
// A `run` with nothing to do between ready and start, hooks least of all, puts the state in its place before
// it hears "ready", and init does not wait for an answer.
//
// A side that dies closes its end: the other reads end of file. So until a container is written down its init
// dies with the runtime. The gate lies in the container's state folder and is open in init from before it
// pivots, so that no path of the container's is ever trusted.
//
// exec (cmd_exec.cc) speaks less: "go", any number of warnings and the like, a listener, then "error", or end
// of file once the program runs.
namespace berth::executor {

struct SyncMessage {
    enum class Kind : char {
        kGo = 'g',
        kCgroup = 'c',
        kHooks = 'h',
        kReady = 'r',
        kWarning = 'w',
        kDebug = 'd',
        kListener = 'l',
        kSource = 's',
        kError = 'e'
    } kind = Kind::kGo;
    std::string text;
};

// `files` go with it.
Result<> send_message(int fd, const SyncMessage& message, const std::vector<UniqueFd>& files = {});
// kUnavailable when the other side is gone.
Result<SyncMessage> receive_message(int fd);
// For a message that may bring files.
Result<SyncMessage> receive_message(int fd, std::vector<UniqueFd>& files);

}  // namespace berth::executor
