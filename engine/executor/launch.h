#pragma once

#include <signal.h>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/executor/container_state.h"
#include "engine/executor/options.h"

namespace berth::executor {

// Creates a container from a bundle: its process is set up and waits for `start`. After an error nothing is
// left.
Result<ContainerState> launch(const Options& options, const std::string& id);

// What a caller that starts the container itself gives along: the console socket that takes the terminal's
// master, if the spec wants one, and the signal mask that init starts with.
struct Company {
    UniqueFd console;
    const sigset_t* mask = nullptr;
    bool waits = true;  // has something to do between a container that is ready and its start
};
struct Launched {
    ContainerState state;
    // To init, which ends if this closes before let_go(). Empty: it is under way already.
    UniqueFd line;
};
// The same for `run`: nobody but the caller can start it, and to everybody else it is running. Where neither
// the caller nor a hook has anything to do before or after the start, init does not wait to be let go.
Result<Launched> launch_to_run(const Options& options, const std::string& id, Company company);
// Lets init become the user's program, and returns when it has; the startContainer hook's failure otherwise.
Result<> let_go(Launched& launched);

// The number of descriptors behind the standard streams that are handed on: --preserve-fds and systemd's
// LISTEN_FDS, which `environment` then names.
int preserved_descriptors(const Options& options, std::vector<std::string>& environment);
// All of them must be open before the runtime opens anything, or something of its own would take their place.
Result<> check_preserved_descriptors(const Options& options);

}  // namespace berth::executor
