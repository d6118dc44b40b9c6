#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/base/result.h"

namespace berth::types {

// When a container is well. Times in nanoseconds; 0 is "not given".
struct HealthConfig {
    // None: the image's; {"NONE"}; {"CMD", ARGS…}; {"CMD-SHELL", TEXT}.
    std::vector<std::string> test;
    std::int64_t interval = 0, timeout = 0, start_period = 0, start_interval = 0;
    std::int64_t retries = 0;
};

// `Config` of the Engine API: what runs in a container, wherever that is.
struct ContainerConfig {
    std::string hostname, domainname, user;
    bool attach_stdin = false, attach_stdout = false, attach_stderr = false;
    std::set<std::string> exposed_ports;  // "80/tcp"
    bool tty = false, open_stdin = false, stdin_once = false;
    std::vector<std::string> env;
    // Absent: the image's. A plain string in the JSON is a list of one.
    std::optional<std::vector<std::string>> cmd, entrypoint;
    std::string image;
    std::set<std::string> volumes;
    std::string working_dir;
    std::string mac_address;        // of old clients; new ones say it in the endpoint
    bool network_disabled = false;  // a network namespace with a loopback and nothing else
    std::vector<std::string> on_build;
    std::map<std::string, std::string> labels;
    std::string stop_signal;
    std::optional<std::int64_t> stop_timeout;  // seconds, -1: for ever
    std::vector<std::string> shell;
    std::optional<HealthConfig> healthcheck;
    bool args_escaped = false;  // of Windows images: kept and shown
};

// `path` is put in front of field names in errors ("" for a create request, whose fields are flat). A field
// that is not supported and not empty is kNotImplemented and the message names it.
Result<ContainerConfig> parse_container_config(const nlohmann::json& object, const std::string& path);
Result<HealthConfig> parse_health_config(const nlohmann::json& object, const std::string& path);
nlohmann::json to_json(const ContainerConfig& config);

}  // namespace berth::types
