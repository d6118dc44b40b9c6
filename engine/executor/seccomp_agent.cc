#include "engine/executor/seccomp_agent.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "engine/executor/hooks.h"
#include "engine/executor/socket_calls.h"
#include "engine/sys/pidfd.h"

namespace berth::executor {

Result<> hand_to_agent(const Filter& filter, const ContainerState& state, const char* status, pid_t pid,
                       const std::string& listener) {
    BERTH_TRY(UniqueFd process, sys::open_pidfd(pid));
    UniqueFd taken(
        static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), std::atoi(listener.c_str()), 0)));
    if (!taken) return fail_errno("take the seccomp listener");
    BERTH_TRY(UniqueFd agent, in("failed to connect with seccomp agent specified in the seccomp profile",
                                 connect_unix(filter.listener_path)));
    nlohmann::ordered_json json = {{"ociVersion", state.oci_version},
                                   {"fds", nlohmann::ordered_json::array({"seccompFd"})},
                                   {"pid", pid}};
    if (!filter.listener_metadata.empty()) json["metadata"] = filter.listener_metadata;
    pid_t init = state.pid == 0 ? pid : state.pid;
    json["state"] = nlohmann::ordered_json::parse(hook_state(state, status, init));
    return in("cannot send seccomp fd to " + filter.listener_path,
              send_descriptor(agent.get(), taken.get(),
                              json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
}

}  // namespace berth::executor
