#include "engine/container/environment.h"

namespace berth::container {

namespace {
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}  // namespace

std::vector<std::string> environment(const Container& container, const std::string& home, bool tty,
                                     const std::vector<std::string>& linked,
                                     const std::vector<std::string>& more) {
    std::vector<std::string> env{std::string("PATH=") + kDefaultPath,
                                 "HOSTNAME=" + container.config.hostname};
    if (tty) env.push_back("TERM=xterm");
    env.push_back("HOME=" + home);
    for (const auto* layer : {&linked, &container.config.env, &more}) {
        for (const auto& variable : *layer) {
            std::string name = variable.substr(0, variable.find('=')) + "=";
            std::erase_if(env, [&](const std::string& other) { return other.starts_with(name); });
            if (variable.find('=') != variable.npos) env.push_back(variable);
        }
    }
    return env;
}

}  // namespace berth::container
