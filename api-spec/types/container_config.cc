#include "api-spec/types/container_config.h"

#include "api-spec/types/json_fields.h"

namespace berth::types {

void fields(auto& visit, Either<HealthConfig> auto& self) {
    visit("Test", self.test);
    visit("Interval", self.interval);
    visit("Timeout", self.timeout);
    visit("StartPeriod", self.start_period);
    visit("StartInterval", self.start_interval);
    visit("Retries", self.retries);
}

void fields(auto& visit, Either<ContainerConfig> auto& self) {
    visit("Hostname", self.hostname);
    visit("Domainname", self.domainname);
    visit("User", self.user);
    visit("AttachStdin", self.attach_stdin);
    visit("AttachStdout", self.attach_stdout);
    visit("AttachStderr", self.attach_stderr);
    visit("ExposedPorts", self.exposed_ports);
    visit("Tty", self.tty);
    visit("OpenStdin", self.open_stdin);
    visit("StdinOnce", self.stdin_once);
    visit("Env", self.env);
    visit("Cmd", self.cmd);
    visit("Image", self.image);
    visit("Volumes", self.volumes);
    visit("WorkingDir", self.working_dir);
    visit("Entrypoint", self.entrypoint);
    visit("MacAddress", self.mac_address);
    visit("OnBuild", self.on_build);
    visit("Labels", self.labels);
    visit("StopSignal", self.stop_signal);
    visit("StopTimeout", self.stop_timeout);
    visit("Shell", self.shell);
    visit("Healthcheck", self.healthcheck);
    visit("NetworkDisabled", self.network_disabled);
    visit("ArgsEscaped", self.args_escaped);
}

Result<ContainerConfig> parse_container_config(const nlohmann::json& object, const std::string& path) {
    nlohmann::json input = object;
    for (const char* name : {"Cmd", "Entrypoint"}) {
        if (auto found = input.find(name); found != input.end() && found->is_string()) {
            *found = nlohmann::json::array({*found});
        }
    }
    return read_fields<ContainerConfig>(input, path);
}

Result<HealthConfig> parse_health_config(const nlohmann::json& object, const std::string& path) {
    return read_fields<HealthConfig>(object, path);
}

nlohmann::json to_json(const ContainerConfig& config) {
    nlohmann::json out = FieldWriter::write(config);
    if (auto& health = out["Healthcheck"]; health.is_object()) {
        for (const char* name : {"Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"}) {
            if (health[name].is_null() || health[name] == 0) health.erase(name);
        }
    }
    // Go leaves these out when they say nothing (omitempty).
    for (const char* name : {"Healthcheck", "StopTimeout", "Shell"}) {
        if (out[name].is_null()) out.erase(name);
    }
    for (const char* name : {"MacAddress", "StopSignal"}) {
        if (out[name] == "") out.erase(name);
    }
    for (const char* name : {"ExposedPorts", "NetworkDisabled", "ArgsEscaped"}) {
        if (out[name].empty() || out[name] == false) out.erase(name);
    }
    if (out["Volumes"].empty()) out["Volumes"] = nullptr;
    if (out["Env"].is_null()) out["Env"] = nlohmann::json::array();
    if (config.cmd && config.cmd->empty()) out["Cmd"] = nlohmann::json::array();
    if (config.entrypoint && config.entrypoint->empty()) out["Entrypoint"] = nlohmann::json::array();
    return out;
}

}  // namespace berth::types
