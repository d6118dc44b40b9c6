#include "engine/api/info_compat.h"

#include <nlohmann/json.hpp>
#include <string>

namespace berth::api {

namespace {

// "name=seccomp,profile=builtin" was "seccomp".
void shorten_security_options(nlohmann::json& options) {
    constexpr std::string_view kName = "name=";
    for (auto& option : options) {
        auto text = option.get<std::string>();
        if (text.starts_with(kName)) option = text.substr(kName.size(), text.find(',') - kName.size());
    }
}

}  // namespace

void apply_info_version(nlohmann::json& info, ApiVersion version) {
    if (version < ApiVersion{1, 50}) {
        info["BridgeNfIptables"] = false;
        info["BridgeNfIp6tables"] = false;
    }
    if (version < ApiVersion{1, 49}) {
        info.erase("FirewallBackend");
        for (const char* name : {"ContainerdCommit", "RuncCommit", "InitCommit"})
            if (!info[name]["ID"].get<std::string>().empty()) info[name]["Expected"] = info[name]["ID"];
    }
    if (version < ApiVersion{1, 47}) {
        info["RegistryConfig"]["AllowNondistributableArtifactsCIDRs"] = nullptr;
        info["RegistryConfig"]["AllowNondistributableArtifactsHostnames"] = nullptr;
    }
    if (version < ApiVersion{1, 42}) info["KernelMemory"] = info["CgroupVersion"] == "1";
    if (version < ApiVersion{1, 25}) shorten_security_options(info["SecurityOptions"]);
}

}  // namespace berth::api
