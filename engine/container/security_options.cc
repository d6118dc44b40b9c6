#include "engine/container/security_options.h"

namespace berth::container {

Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options) {
    SecurityOptions out;
    auto refuse = [](const std::string& option) {
        return fail(ErrorKind::kInvalidArgument, "invalid --security-opt 2: \"" + option + "\"");
    };
    for (const auto& option : options) {
        auto split = option.find('=');
        if (split == option.npos) split = option.find(':');
        std::string name = option.substr(0, split);
        std::string value = split == option.npos ? "" : option.substr(split + 1);
        if (name == "no-new-privileges") {
            if (!value.empty() && value != "true" && value != "false") return refuse(option);
            out.no_new_privileges = value != "false";
        } else if (value.empty()) {
            return refuse(option);
        } else if (name == "seccomp") {
            out.seccomp = value;
        } else if (name == "apparmor") {
            out.apparmor = value;
        } else if (name == "label") {
            // Without SELinux there is nothing to switch off; a label of one's own cannot be had.
            if (value != "disable")
                return fail(ErrorKind::kNotImplemented,
                            "security option " + option + " is not supported yet");
        } else {
            return refuse(option);
        }
    }
    return out;
}

}  // namespace berth::container
