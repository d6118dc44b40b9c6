#include "engine/container/security_options.h"

#include <algorithm>

#include "engine/base/files.h"

namespace berth::container {

namespace {

// Go's strconv.ParseBool.
std::optional<bool> parse_bool(const std::string& text) {
    for (const char* word : {"1", "t", "T", "TRUE", "true", "True"})
        if (text == word) return true;
    for (const char* word : {"0", "f", "F", "FALSE", "false", "False"})
        if (text == word) return false;
    return std::nullopt;
}

Failure invalid(int which, const std::string& option) {
    return fail(ErrorKind::kInternal,
                "invalid --security-opt " + std::to_string(which) + ": \"" + option + "\"");
}

Result<> check_label(const std::string& option, const std::string& value) {
    if (value == "disable" || !exists("/sys/fs/selinux/enforce")) return {};
    return fail(ErrorKind::kNotImplemented, "security option " + option + " is not supported yet");
}

Result<> take_named(const std::string& option, std::size_t split, SecurityOptions& out) {
    const std::string name = option.substr(0, split), value = option.substr(split + 1);
    if (name == "label") return check_label(option, value);
    if (name == "seccomp") {
        out.seccomp = value;
    } else if (name == "apparmor") {
        out.apparmor = value;
    } else if (name == "no-new-privileges" || name == "writable-cgroups") {
        auto flag = parse_bool(value);
        if (!flag) return invalid(2, option);
        if (name == "no-new-privileges") {
            out.no_new_privileges = *flag;
        } else {
            out.writable_cgroups = *flag;
        }
    } else {
        return invalid(2, option);
    }
    return {};
}

}  // namespace

Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options) {
    SecurityOptions out;
    for (const auto& option : options) {
        if (option == "no-new-privileges") {
            out.no_new_privileges = true;
        } else if (option == "writable-cgroups") {
            out.writable_cgroups = true;
        } else if (option != "disable") {
            auto split = option.find('=');
            if (split == option.npos) split = option.find(':');
            if (split == option.npos) return invalid(1, option);
            BERTH_CHECK(take_named(option, split, out));
        }
    }
    return out;
}

void complete_security_options(types::HostConfig& host) {
    if (!host.privileged && host.pid_mode != "host" && host.ipc_mode != "host") return;
    auto is_label = [](const std::string& option) { return option.substr(0, option.find('=')) == "label"; };
    if (std::none_of(host.security_opt.begin(), host.security_opt.end(), is_label))
        host.security_opt.push_back("label=disable");
}

}  // namespace berth::container
