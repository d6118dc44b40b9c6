// spec-config: options as JSON on stdin, the config.json that engine/spec makes of them on stdout.
//   {"args": ["sh"], "user": "1000:1000", "cap_add": ["SYS_ADMIN"], "privileged": true, "seccomp": "unconfined", …}
#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/spec/container_spec.h"
#include "engine/spec/user_lookup.h"

namespace {

using namespace berth;
using nlohmann::json;
using Words = std::vector<std::string>;

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
