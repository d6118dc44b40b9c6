#pragma once

#include <string>
#include <vector>

#include "cli/commands/device_options.h"
#include "cli/commands/limit_options.h"
#include "cli/commands/network_option.h"
#include "cli/flags.h"
#include "cli/json.h"

namespace berth::cli {

// The options that `run` and `create` share, and the request body they make.
class CreateOptions {
 public:
    void add_to(Flags& flags);
    // `arguments`: the image, then the command. Errors read as docker's: invalid port, label, size, ….
    Result<Json> body(const Flags& flags, const std::vector<std::string>& arguments) const;

    std::string name, platform, pull = "missing", cidfile;
    bool tty = false, interactive = false, auto_remove = false, quiet = false;
    std::vector<std::string> attach;
    // What the foreground of `run` decides: AttachStdin and its kin.
    bool attach_input = false, attach_output = false, attach_error = false;

 private:
    Result<> add_config(const Flags& flags, const std::vector<std::string>& arguments, Json& config) const;
    Result<> add_resources(const Flags& flags, Json& host) const;
    Result<> add_mounts(Json& config, Json& host) const;
    Result<> add_ports(Json& config, Json& host) const;
    Result<> add_network(Json& config, Json& host) const;

    std::string user_, workdir_, hostname_, domainname_, entrypoint_, stop_signal_;
    LimitOptions limits_;
    std::string shm_size_, log_driver_, runtime_;
    EndpointOptions endpoint_;
    std::vector<std::string> networks_;
    std::string volume_driver_, isolation_, ipc_, pid_, uts_, userns_, cgroupns_, cgroup_parent_;
    std::string health_cmd_, health_interval_, health_timeout_, health_start_period_, health_start_interval_;
    std::vector<std::string> env_, env_files_, labels_, label_files_, publish_, expose_, volumes_, mounts_,
        tmpfs_, cap_add_;
    std::vector<std::string> cap_drop_, security_, ulimits_, hosts_, dns_, dns_search_, dns_options_,
        log_options_, groups_;
    std::vector<std::string> sysctls_, volumes_from_, annotations_, links_, storage_;
    DeviceOptions devices_;
    std::int64_t stop_timeout_ = 0, oom_score_ = 0;
    std::int64_t swappiness_ = -1, health_retries_ = 0;
    bool privileged_ = false, read_only_ = false, init_ = false, publish_all_ = false, oom_disable_ = false;
    bool no_healthcheck_ = false;
};

}  // namespace berth::cli
