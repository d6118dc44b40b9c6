#include "cli/commands/create_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "cli/commands/mount_option.h"
#include "cli/commands/port_option.h"
#include "cli/commands/variables.h"
#include "cli/output/units.h"
#include "engine/base/files.h"
#include "engine/base/time.h"

namespace berth::cli {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// "k=v" to {"k":"v"}; "k" alone to {"k":""}.
Json key_values(const std::vector<std::string>& items) {
    Json out = Json::object();
    for (const std::string& item : items) {
        auto equals = item.find('=');
        out[item.substr(0, equals)] = equals == std::string::npos ? "" : item.substr(equals + 1);
    }
    return out;
}

// "net_admin" is CAP_NET_ADMIN; each once, by name.
std::set<std::string> capabilities(const std::vector<std::string>& names) {
    std::set<std::string> out;
    for (std::string name : names) {
        for (char& c : name)
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        if (name != "ALL" && !name.starts_with("CAP_")) name.insert(0, "CAP_");
        out.insert(std::move(name));
    }
    return out;
}

Result<Json> ulimit(const std::string& text) {
    auto equals = text.find('='), colon = text.find(':');
    if (equals == std::string::npos) return bad(fmt::format("invalid ulimit argument: {}", text));
    Json out = {{"Name", text.substr(0, equals)}};
    auto number = [&](std::string part) -> Result<std::int64_t> {
        std::int64_t value = 0;
        auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
        if (error != std::errc() || end != part.data() + part.size()) {
            return bad(fmt::format("invalid ulimit argument: {}", text));
        }
        return value;
    };
    BERTH_TRY(std::int64_t soft,
              number(text.substr(equals + 1, colon == std::string::npos ? colon : colon - equals - 1)));
    std::int64_t hard = soft;
    if (colon != std::string::npos) {
        BERTH_TRY(hard, number(text.substr(colon + 1)));
    }
    out["Soft"] = soft;
    out["Hard"] = hard;
    return out;
}

}  // namespace

void CreateOptions::add_to(Flags& f) {
    limits_.add_flags(f);
    f.list("attach,a", &attach, "Attach to STDIN, STDOUT or STDERR");
    f.text("name", &name, "string", "Assign a name to the container");
    f.text("platform", &platform, "string", "Set platform if server is multi-platform capable");
    f.text("pull", &pull, "string", "Pull image before running (\"always\", \"missing\", \"never\")");
    f.text("cidfile", &cidfile, "string", "Write the container ID to the file");
    f.toggle("quiet,q", &quiet, "Suppress the pull output");
    f.toggle("tty,t", &tty, "Allocate a pseudo-TTY");
    f.toggle("interactive,i", &interactive, "Keep STDIN open even if not attached");
    f.toggle("rm", &auto_remove,
             "Automatically remove the container and its associated anonymous volumes when it exits");
    f.text("user,u", &user_, "string", "Username or UID (format: <name|uid>[:<group|gid>])");
    f.text("workdir,w", &workdir_, "string", "Working directory inside the container");
    f.text("hostname,h", &hostname_, "string", "Container host name");
    f.text("domainname", &domainname_, "string", "Container NIS domain name");
    f.text("entrypoint", &entrypoint_, "string", "Overwrite the default ENTRYPOINT of the image");
    f.text("stop-signal", &stop_signal_, "string", "Signal to stop the container");
    f.number("stop-timeout", &stop_timeout_, "Timeout (in seconds) to stop a container");
    f.list("env,e", &env_, "Set environment variables");
    f.list("env-file", &env_files_, "Read in a file of environment variables");
    f.list("label,l", &labels_, "Set meta data on a container");
    f.list("label-file", &label_files_, "Read in a line delimited file of labels");
    f.list("annotation", &annotations_,
           "Add an annotation to the container (passed through to the OCI runtime)");
    f.list("publish,p", &publish_, "Publish a container's port(s) to the host");
    f.toggle("publish-all,P", &publish_all_, "Publish all exposed ports to random ports");
    f.list("expose", &expose_, "Expose a port or a range of ports");
    f.list("volume,v", &volumes_, "Bind mount a volume");
    f.text("volume-driver", &volume_driver_, "string", "Optional volume driver for the container");
    f.list("mount", &mounts_, "Attach a filesystem mount to the container");
    f.list("tmpfs", &tmpfs_, "Mount a tmpfs directory");
    f.list("volumes-from", &volumes_from_, "Mount volumes from the specified container(s)");
    f.number("memory-swappiness", &swappiness_, "Tune container memory swappiness (0 to 100)");
    f.text("shm-size", &shm_size_, "bytes", "Size of /dev/shm");
    f.number("oom-score-adj", &oom_score_, "Tune host's OOM preferences (-1000 to 1000)");
    f.toggle("oom-kill-disable", &oom_disable_, "Disable OOM Killer");
    f.list("ulimit", &ulimits_, "Ulimit options");
    f.list("cap-add", &cap_add_, "Add Linux capabilities");
    f.list("cap-drop", &cap_drop_, "Drop Linux capabilities");
    f.list("security-opt", &security_, "Security Options");
    devices_.add_flags(f);
    f.list("group-add", &groups_, "Add additional groups to join");
    f.list("sysctl", &sysctls_, "Sysctl options");
    f.list("storage-opt", &storage_, "Storage driver options for the container");
    f.toggle("privileged", &privileged_, "Give extended privileges to this container");
    f.toggle("read-only", &read_only_, "Mount the container's root filesystem as read only");
    f.toggle("init", &init_, "Run an init inside the container that forwards signals and reaps processes");
    f.text("runtime", &runtime_, "string", "Runtime to use for this container");
    f.text("cgroup-parent", &cgroup_parent_, "string", "Optional parent cgroup for the container");
    f.text("cgroupns", &cgroupns_, "string", "Cgroup namespace to use (host|private)");
    f.text("ipc", &ipc_, "string", "IPC mode to use");
    f.text("pid", &pid_, "string", "PID namespace to use");
    f.text("uts", &uts_, "string", "UTS namespace to use");
    f.text("userns", &userns_, "string", "User namespace to use");
    f.text("isolation", &isolation_, "string", "Container isolation technology");
    f.text("log-driver", &log_driver_, "string", "Logging driver for the container");
    f.list("log-opt", &log_options_, "Log driver options");
    f.list("network", &networks_, "Connect a container to a network");
    f.list("net", &networks_, "");
    f.list("network-alias", &endpoint_.aliases, "Add network-scoped alias for the container");
    f.list("link", &links_, "Add link to another container");
    f.text("ip", &endpoint_.ip, "string", "IPv4 address (e.g., 172.30.100.104)");
    f.text("ip6", &endpoint_.ip6, "string", "IPv6 address (e.g., 2001:db8::33)");
    f.list("link-local-ip", &endpoint_.link_local_ips, "Container IPv4/IPv6 link-local addresses");
    f.text("mac-address", &endpoint_.mac, "string", "Container MAC address (e.g., 92:d0:c6:0a:29:33)");
    f.list("add-host", &hosts_, "Add a custom host-to-IP mapping (host:ip)");
    f.list("dns", &dns_, "Set custom DNS servers");
    f.list("dns-search", &dns_search_, "Set custom DNS search domains");
    f.list("dns-option", &dns_options_, "Set DNS options");
    f.text("health-cmd", &health_cmd_, "string", "Command to run to check health");
    f.text("health-interval", &health_interval_, "duration", "Time between running the check");
    f.text("health-timeout", &health_timeout_, "duration", "Maximum time to allow one check to run");
    f.text("health-start-period", &health_start_period_, "duration",
           "Start period for the container to initialize");
    f.text("health-start-interval", &health_start_interval_, "duration",
           "Time between checks during the start period");
    f.number("health-retries", &health_retries_, "Consecutive failures needed to report unhealthy");
    f.toggle("no-healthcheck", &no_healthcheck_, "Disable any container-specified HEALTHCHECK");
}

Result<> CreateOptions::add_config(const Flags& flags, const std::vector<std::string>& arguments,
                                   Json& config) const {
    config["Image"] = arguments.front();
    if (arguments.size() > 1)
        config["Cmd"] = Json(std::vector<std::string>(arguments.begin() + 1, arguments.end()));
    config["Tty"] = tty;
    config["OpenStdin"] = interactive;
    config["StdinOnce"] = interactive && attach_input;
    config["AttachStdin"] = attach_input;
    config["AttachStdout"] = attach_output;
    config["AttachStderr"] = attach_error;
    if (!user_.empty()) config["User"] = user_;
    if (!workdir_.empty()) config["WorkingDir"] = workdir_;
    if (!hostname_.empty()) config["Hostname"] = hostname_;
    if (!domainname_.empty()) config["Domainname"] = domainname_;
    // An empty --entrypoint takes the image's away.
    if (flags.changed("entrypoint")) config["Entrypoint"] = Json::array({entrypoint_});
    if (!stop_signal_.empty()) config["StopSignal"] = stop_signal_;
    if (flags.changed("stop-timeout")) config["StopTimeout"] = stop_timeout_;
    BERTH_TRY(config["Env"], environment_of(env_files_, env_));
    std::vector<std::string> labels;
    for (const std::string& path : label_files_) {
        BERTH_TRY(auto lines, lines_of(path));
        labels.insert(labels.end(), lines.begin(), lines.end());
    }
    labels.insert(labels.end(), labels_.begin(), labels_.end());
    config["Labels"] = key_values(labels);
    if (no_healthcheck_) config["Healthcheck"] = {{"Test", {"NONE"}}};
    Json health = Json::object();
    if (!health_cmd_.empty()) health["Test"] = {"CMD-SHELL", health_cmd_};
    for (auto [key, text] : {std::pair("Interval", &health_interval_), std::pair("Timeout", &health_timeout_),
                             std::pair("StartPeriod", &health_start_period_),
                             std::pair("StartInterval", &health_start_interval_)}) {
        if (text->empty()) continue;
        BERTH_TRY(auto duration, parse_duration(*text));
        health[key] = duration.count();
    }
    if (health_retries_ != 0) health["Retries"] = health_retries_;
    if (!health.empty()) config["Healthcheck"] = health;
    return {};
}

Result<> CreateOptions::add_resources(const Flags& flags, Json& host) const {
    BERTH_CHECK(limits_.add_to(flags, host));
    BERTH_CHECK(add_bytes(host, "ShmSize", shm_size_));
    if (flags.changed("memory-swappiness")) host["MemorySwappiness"] = swappiness_;
    if (flags.changed("oom-score-adj")) host["OomScoreAdj"] = oom_score_;
    if (oom_disable_) host["OomKillDisable"] = true;
    std::map<std::string, Json> limits;  // the last of a name counts
    for (const std::string& item : ulimits_) {
        BERTH_TRY(Json limit, ulimit(item));
        const std::string name = limit["Name"];
        limits[name] = std::move(limit);
    }
    for (auto& [name, limit] : limits) host["Ulimits"].push_back(std::move(limit));
    return devices_.add_to(host);
}

Result<> CreateOptions::add_mounts(Json& config, Json& host) const {
    for (const std::string& item : volumes_) {
        BERTH_TRY(std::string bind, bind_option(item));
        // A path alone is an anonymous volume.
        if (bind.find(':') == std::string::npos) {
            config["Volumes"][bind] = Json::object();
        } else {
            host["Binds"].push_back(std::move(bind));
        }
    }
    for (const std::string& item : mounts_) {
        BERTH_TRY(Json mount, mount_option(item));
        host["Mounts"].push_back(std::move(mount));
    }
    for (const std::string& item : tmpfs_) {
        auto colon = item.find(':');
        host["Tmpfs"][item.substr(0, colon)] = colon == std::string::npos ? "" : item.substr(colon + 1);
    }
    if (!volumes_from_.empty()) host["VolumesFrom"] = volumes_from_;
    return {};
}

Result<> CreateOptions::add_ports(Json& config, Json& host) const {
    for (const std::string& item : expose_) {
        BERTH_TRY(auto ports, exposed_ports(item));
        for (const std::string& port : ports) config["ExposedPorts"][port] = Json::object();
    }
    for (const std::string& item : publish_) {
        BERTH_TRY(auto bindings, published_ports(item));
        for (const PublishedPort& binding : bindings) {
            config["ExposedPorts"][binding.container] = Json::object();
            host["PortBindings"][binding.container].push_back(
                {{"HostIp", binding.host_ip}, {"HostPort", binding.host_port}});
        }
    }
    if (publish_all_) host["PublishAllPorts"] = true;
    return {};
}

Result<> CreateOptions::add_network(Json& config, Json& host) const {
    auto endpoint = endpoint_;
    endpoint.links = links_;
    BERTH_CHECK(add_networks(networks_, endpoint, config, host));
    if (!links_.empty()) host["Links"] = links_;
    for (const std::string& item : hosts_) {
        auto separator = item.find_first_of("=:");
        if (separator == std::string::npos)
            return bad(
                fmt::format("invalid argument \"{}\" for \"--add-host\" flag: bad "
                            "format for add-host: \"{}\"",
                            item, item));
        host["ExtraHosts"].push_back(item.substr(0, separator) + ":" + item.substr(separator + 1));
    }
    if (!dns_.empty()) host["Dns"] = dns_;
    if (!dns_search_.empty()) host["DnsSearch"] = dns_search_;
    if (!dns_options_.empty()) host["DnsOptions"] = dns_options_;
    return {};
}

Result<Json> CreateOptions::body(const Flags& flags, const std::vector<std::string>& arguments) const {
    Json config = Json::object(), host = Json::object();
    // Of these the docker CLI says that there are none; an engine shows what it was told.
    for (const char* list :
         {"BlkioDeviceReadBps", "BlkioDeviceReadIOps", "BlkioDeviceWriteBps", "BlkioDeviceWriteIOps",
          "BlkioWeightDevice", "Devices", "Dns", "DnsOptions", "DnsSearch", "Ulimits"})
        host[list] = Json::array();
    host["PortBindings"] = Json::object();
    BERTH_CHECK(add_config(flags, arguments, config));
    BERTH_CHECK(add_resources(flags, host));
    BERTH_CHECK(add_mounts(config, host));
    BERTH_CHECK(add_ports(config, host));
    BERTH_CHECK(add_network(config, host));
    if (!cap_add_.empty()) host["CapAdd"] = capabilities(cap_add_);
    if (!cap_drop_.empty()) host["CapDrop"] = capabilities(cap_drop_);
    if (!groups_.empty()) host["GroupAdd"] = groups_;
    for (const std::string& item : security_) {
        constexpr std::string_view kSeccomp = "seccomp=";
        // A profile's file is read here: the engine gets its text.
        if (item.starts_with(kSeccomp) && item != "seccomp=unconfined" && item != "seccomp=builtin") {
            BERTH_TRY(std::string profile,
                      in("opening seccomp profile failed", read_file(item.substr(kSeccomp.size()))));
            host["SecurityOpt"].push_back("seccomp=" + profile);
        } else if (item == "systempaths=unconfined") {
            host["MaskedPaths"] = host["ReadonlyPaths"] = Json::array();
            if (!host.contains("SecurityOpt")) host["SecurityOpt"] = Json::array();
        } else {
            host["SecurityOpt"].push_back(item);
        }
    }
    if (!sysctls_.empty()) host["Sysctls"] = key_values(sysctls_);
    if (!storage_.empty()) host["StorageOpt"] = key_values(storage_);
    if (!annotations_.empty()) host["Annotations"] = key_values(annotations_);
    if (privileged_) host["Privileged"] = true;
    if (read_only_) host["ReadonlyRootfs"] = true;
    if (flags.changed("init")) host["Init"] = init_;
    if (auto_remove) host["AutoRemove"] = true;
    for (auto [key, text] :
         {std::pair("Runtime", &runtime_), std::pair("CgroupParent", &cgroup_parent_),
          std::pair("CgroupnsMode", &cgroupns_), std::pair("IpcMode", &ipc_), std::pair("PidMode", &pid_),
          std::pair("UTSMode", &uts_), std::pair("UsernsMode", &userns_), std::pair("Isolation", &isolation_),
          std::pair("VolumeDriver", &volume_driver_)}) {
        if (!text->empty()) host[key] = *text;
    }
    if (!log_driver_.empty() || !log_options_.empty()) {
        host["LogConfig"] = {{"Type", log_driver_}, {"Config", key_values(log_options_)}};
    }
    config["HostConfig"] = std::move(host);
    return config;
}

}  // namespace berth::cli
