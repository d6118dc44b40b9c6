#include "engine/container/environment.h"

#include <algorithm>

namespace berth::container {

namespace {
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::vector<std::string>::iterator find_name(std::vector<std::string>& env, const std::string& name) {
    return std::find_if(env.begin(), env.end(), [&](const auto& one) { return one.starts_with(name); });
}

}  // namespace

std::vector<std::string> environment(const Container& container, const std::string& home, bool tty,
                                     const std::vector<std::string>& linked,
                                     const std::vector<std::string>& more) {
    std::vector<std::string> env{std::string("PATH=") + kDefaultPath,
                                 "HOSTNAME=" + container.config.hostname};
    if (tty) env.push_back("TERM=xterm");
    for (const auto* layer : {&linked, &container.config.env, &more}) {
        for (const auto& variable : *layer) {
            const bool unset = variable.find('=') == variable.npos;
            auto known = find_name(env, variable.substr(0, variable.find('=')) + "=");
            if (known == env.end()) {
                if (!unset) env.push_back(variable);
            } else if (unset) {
                env.erase(known);
            } else {
                *known = variable;
            }
        }
    }
    if (find_name(env, "HOME=") == env.end()) env.push_back("HOME=" + home);
    return env;
}

}  // namespace berth::container
