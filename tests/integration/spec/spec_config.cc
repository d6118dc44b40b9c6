// spec-config: options as JSON on stdin, the config.json that engine/spec makes of them on stdout.
//   {"args": ["sh"], "user": "1000:1000", "cap_add": ["SYS_ADMIN"], "privileged": true, "seccomp":
//   "unconfined", …}
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/spec/container_spec.h"
#include "engine/spec/user_lookup.h"

namespace {

using namespace berth;
using nlohmann::json;
using Words = std::vector<std::string>;

void set_more(const json& from, spec::ContainerSpec& out) {
    using Map = std::map<std::string, std::string>;
    const auto hosts = from.value("host", Words());
    auto shared = [&](const char* name) {
        return std::find(hosts.begin(), hosts.end(), name) != hosts.end();
    };
    out.network.host = shared("network");
    out.pid.host = shared("pid");
    out.ipc.host = shared("ipc");
    out.uts.host = shared("uts");
    out.ipc_none = from.value("ipc_none", false);
    out.domainname = from.value("domainname", "");
    out.shm_size = from.value("shm_size", out.shm_size);
    out.oom_score_adj = from.value("oom_score_adj", 0);
    out.sysctls = from.value("sysctls", Map());
    out.annotations = from.value("annotations", Map());
    out.device_cgroup_rules = from.value("device_cgroup_rules", Words());
    for (const auto& [path, host_path] : from.value("devices", Map()))
        out.devices.push_back({host_path, path, "rw"});
    if (from.contains("masked_paths")) out.masked_paths = from["masked_paths"].get<Words>();
    if (from.contains("readonly_paths")) out.readonly_paths = from["readonly_paths"].get<Words>();
    for (const auto& [path, options] : from.value("tmpfs_options", std::map<std::string, Words>())) {
        out.mounts.push_back({"tmpfs", "tmpfs", path, options});
    }
}

Result<std::string> make_config(const json& from) {
    spec::ContainerSpec out;
    out.args = from.at("args").get<Words>();
    out.env = {"PATH=/bin"};
    out.root_path = from.at("root").get<std::string>();
    out.cgroups_path = from.at("cgroup").get<std::string>();
    out.hostname = "sandbox";
    out.readonly_root = from.value("readonly_root", false);
    out.privileged = from.value("privileged", false);
    out.cap_add = from.value("cap_add", Words());
    out.cap_drop = from.value("cap_drop", Words());
    out.seccomp = from.value("seccomp", "");
    out.no_new_privileges = from.value("no_new_privileges", false);
    set_more(from, out);
    for (const auto& path : from.value("tmpfs", Words())) out.mounts.push_back({"tmpfs", "tmpfs", path, {}});
    const auto facts = spec::host_facts();
    out.cgroup.host = !facts.cgroup_v2;
    BERTH_TRY(const auto root, open_file(out.root_path, O_PATH | O_DIRECTORY));
    BERTH_TRY(auto user, spec::look_up_user(root.get(), from.value("user", "")));
    out.user = user.user;
    BERTH_TRY(const auto built, spec::build_spec(out, facts));
    return oci::render(built);
}

}  // namespace

int main() {
    auto input = read_all(STDIN_FILENO);
    auto config = input ? make_config(json::parse(*input)) : input;
    if (!config) {
        (void)write_all(STDERR_FILENO, config.error().message + "\n");
        return 1;
    }
    return write_all(STDOUT_FILENO, *config) ? 0 : 1;
}
