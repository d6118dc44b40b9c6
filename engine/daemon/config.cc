#include "engine/daemon/config.h"

#include <fmt/format.h>

#include <cstdlib>

#include "engine/base/files.h"
#include "engine/daemon/config_checks.h"
#include "engine/daemon/config_file.h"
#include "engine/daemon/hosts.h"
#include "engine/daemon/option_values.h"
#include "engine/daemon/options.h"

namespace berth::daemon {

namespace {

const Option* by_flag(std::string_view name) {
    for (const auto& option : options()) {
        if (!option.flag.empty() && option.flag == name) return &option;
    }
    return nullptr;
}
const Option* by_letter(char letter) {
    for (const auto& option : options()) {
        if (option.letter == letter) return &option;
    }
    return nullptr;
}

const char* deprecation(std::string_view flag) {
    if (flag == "restart") return "Please use a restart policy on docker run";
    if (flag == "allow-nondistributable-artifacts")
        return "Pushing nondistributable artifacts is now enabled by default. ";
    if (flag == "api-cors-header")
        return "accessing Docker API through a browser is insecure; use a reverse proxy if you need CORS "
               "headers";
    return nullptr;
}

// The command line in the manner of dockerd's: --flag value, --flag=value, -f value, -fvalue, -Dl debug.
class CommandLine {
 public:
    CommandLine(const Strings& arguments, Config& config) : rest_(arguments), config_(config) {}

    Result<> read() {
        while (at_ < rest_.size()) {
            const std::string& argument = rest_[at_++];
            if (argument.size() > 2 && argument.starts_with("--")) {
                BERTH_CHECK(long_flag(argument.substr(2)));
            } else if (argument.size() > 1 && argument[0] == '-' && argument != "--") {
                BERTH_CHECK(short_flags(argument));
            } else {
                return invalid(fmt::format("\"berthd\" accepts no arguments, but got \"{}\"", argument));
            }
        }
        return {};
    }

 private:
    Result<> set(const Option& option, const std::string& text) {
        const bool first = config_.flags.emplace(option.flag).second;
        if (const char* why = deprecation(option.flag); why != nullptr && first)
            config_.deprecations.push_back(
                fmt::format("Flag --{} has been deprecated, {}", option.flag, why));
        return set_option(config_, option, text);
    }
    Result<> long_flag(const std::string& text) {
        auto equals = text.find('=');
        const std::string name = text.substr(0, equals);
        const Option* option = by_flag(name);
        if (option == nullptr) return invalid("unknown flag: --" + name);
        if (equals != std::string::npos) return set(*option, text.substr(equals + 1));
        if (option->is_switch()) return set(*option, "true");
        if (at_ == rest_.size()) return invalid("flag needs an argument: --" + name);
        return set(*option, rest_[at_++]);
    }
    Result<> short_flags(const std::string& text) {
        for (std::size_t i = 1; i < text.size(); ++i) {
            const Option* option = by_letter(text[i]);
            if (option == nullptr)
                return invalid(fmt::format("unknown shorthand flag: '{}' in {}", text[i], text));
            std::string value = text.substr(i + 1);
            if (option->is_switch() && !value.starts_with('=')) {
                BERTH_CHECK(set(*option, "true"));
                continue;
            }
            if (value.starts_with('=')) return set(*option, value.substr(1));
            if (!value.empty()) return set(*option, value);
            if (at_ == rest_.size())
                return invalid(fmt::format("flag needs an argument: '{}' in {}", text[i], text));
            return set(*option, rest_[at_++]);
        }
        return {};
    }

    const Strings& rest_;
    Config& config_;
    std::size_t at_ = 0;
};

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// Where the docker CLI keeps its certificates, dockerd looks for its own.
std::string certificate_folder() {
    if (auto path = variable("DOCKER_CERT_PATH"); !path.empty()) return path;
    if (auto path = variable("DOCKER_CONFIG"); !path.empty()) return path;
    return variable("HOME") + "/.docker";
}

// --tlsverify means TLS, whatever it says; TLS means to verify, unless somebody said no. The default files
// belong to the flags; who asks for TLS in the file names them there.
void complete_tls(Config& config) {
    if (config.flags.contains("tls") || config.flags.contains("tlsverify")) {
        const std::string folder = certificate_folder() + "/";
        if (config.tls_ca.empty()) config.tls_ca = folder + "ca.pem";
        if (config.tls_cert.empty() && exists(folder + "cert.pem")) config.tls_cert = folder + "cert.pem";
        if (config.tls_key.empty() && exists(folder + "key.pem")) config.tls_key = folder + "key.pem";
    }
    if (config.tls_verify) config.tls = true;
    if (!config.tls_verify) config.tls_verify = config.tls;
}

Result<> read_file_into(Config& config) {
    const bool named = config.flags.contains("config-file");
    if (!named) config.config_file = default_config_file();
    const std::string where = "unable to configure the Docker daemon with file " + config.config_file;
    auto text = read_file(config.config_file, 1 << 20);
    if (!text && !named && text.error().kind == ErrorKind::kNotFound) return {};
    if (!text) return Failure(std::move(text.error()).in(where));
    BERTH_CHECK(in(where, read_config_file(config, std::move(*text), config)));
    return in(where, in("merged configuration validation from file and command line flags failed",
                        validate(config)));
}

Result<> complete(Config& config) {
    // 0 and "" are what "not given" is to dockerd.
    const Config defaults;
    if (config.mtu == 0) config.mtu = defaults.mtu;
    for (auto text : {&Config::log_level, &Config::log_format, &Config::log_driver, &Config::default_runtime,
                      &Config::ipc_mode, &Config::cgroup_parent, &Config::seccomp_profile,
                      &Config::default_host_ip, &Config::data_root, &Config::exec_root}) {
        if ((config.*text).empty()) config.*text = defaults.*text;
    }
    if (config.shm_size == 0) config.shm_size = defaults.shm_size;
    for (auto& mirror : config.registry_mirrors) {
        BERTH_TRY(mirror, check_mirror(mirror));
    }
    for (auto& name : config.insecure_registries) {
        BERTH_TRY(name, check_index_name(name));
    }
    BERTH_TRY(config.hosts, normalize_hosts(config.hosts));
    BERTH_CHECK(unite_labels(config.labels));
    complete_tls(config);
    return {};
}

}  // namespace

Result<Config> load_config(const Strings& arguments) {
    Config config;
    CommandLine line(arguments, config);
    BERTH_CHECK(line.read());
    if (config.show_help || config.show_version) return config;
    BERTH_CHECK(read_file_into(config));
    BERTH_CHECK(validate(config));
    BERTH_CHECK(complete(config));
    BERTH_CHECK(check_combinations(config));
    BERTH_CHECK(refuse_unsupported(config));
    return config;
}

Result<Config> reload_config(const Config& present) {
    Config fresh;
    fresh.flags = present.flags;
    fresh.config_file = present.config_file;
    fresh.zeros = true;
    auto text = read_file(present.config_file, 1 << 20);
    const std::string where = "unable to configure the Docker daemon with file " + present.config_file;
    if (!text && (present.flags.contains("config-file") || text.error().kind != ErrorKind::kNotFound))
        return Failure(std::move(text.error()).in(where));
    if (text) BERTH_CHECK(in(where, read_config_file(fresh, std::move(*text), present)));
    BERTH_CHECK(unite_labels(fresh.labels));
    BERTH_CHECK(in("file configuration validation failed", validate(fresh)));
    return fresh;
}

std::string usage(const std::string& program) {
    std::string out = fmt::format(
        "\nUsage:\t{} [OPTIONS]\n\nA self-sufficient runtime for containers.\n\nOptions:\n", program);
    const Config defaults;
    for (const auto& option : options()) {
        if (option.help.empty()) continue;
        std::string name = option.letter != 0 ? fmt::format("  -{}, --{}", option.letter, option.flag)
                                              : fmt::format("      --{}", option.flag);
        if (!option.kind.empty()) name += fmt::format(" {}", option.kind);
        std::string line = fmt::format("{:<46}{}", name, option.help);
        const std::string value = option_text(defaults, option);
        if (!value.empty() && value != "false" && value != "0" && value != "[]" && value != "map[]")
            line += fmt::format(" (default {})", value);
        out += line + "\n";
    }
    return out;
}

}  // namespace berth::daemon
