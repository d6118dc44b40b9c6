#include <grp.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "engine/api/common_headers.h"
#include "engine/api/compat.h"
#include "engine/async/spawn.h"
#include "engine/base/log.h"
#include "engine/daemon/build_info.h"
#include "engine/daemon/composition.h"
#include "engine/daemon/config.h"
#include "engine/daemon/instance.h"
#include "engine/daemon/notify.h"
#include "engine/daemon/signals.h"
#include "engine/http/server.h"

namespace berth::daemon {

namespace {

constexpr unsigned kDrainSeconds = 5;

// The group's ID, or -1 with a warning: the socket then belongs to our own group.
int socket_group(const Config& config) {
    const group* found = ::getgrnam(config.group.c_str());
    if (found != nullptr) return static_cast<int>(found->gr_gid);
    log::warning("could not change group of the socket to " + config.group, {{"error", "group not found"}});
    return -1;
}

Result<> listen(http::Server& server, const Config& config) {
    for (const auto& host : config.hosts) {
        if (host.starts_with("unix://")) {
            const std::string path = host.substr(7);
            BERTH_CHECK(in("failed to load listeners", server.listen_unix(path, 0660, socket_group(config))));
            log::info("API listen on " + path);
        } else if (host.starts_with("fd://")) {
            return fail(ErrorKind::kNotImplemented, host + ": socket activation is not supported yet");
        } else {
            log::warning(
                "binding to an IP address without TLS: access to it is equivalent to root access on the host",
                {{"host", host}});
            BERTH_TRY(auto port, in("failed to load listeners", server.listen_tcp(host.substr(6))));
            log::info(fmt::format("API listen on {}:{}", host.substr(6, host.rfind(':') - 6), port));
        }
    }
    return {};
}

Async<Result<>> serve(IoContext& io, const Config& config, Composition& parts, http::Server& server) {
    BERTH_CO_CHECK(co_await parts.recover());
    BERTH_CO_CHECK(listen(server, config));
    log::info("Daemon has completed initialization");
    ::malloc_trim(0);
    notify_manager("READY=1");
    int signal = co_await wait_for_stop(io);
    log::info("processing signal", {{"signal", signal}});
    notify_manager("STOPPING=1");
    co_await parts.stop_containers();
    co_await server.drain(kDrainSeconds);
    co_await parts.close();
    co_return Result<>();
}

Result<> run(const Config& config) {
    BERTH_TRY(auto instance, Instance::claim(config.data_root, config.exec_root, config.pidfile));
    IoContext io(1);
    BERTH_TRY(auto parts, Composition::build(io, config));
    http::Server server(io, parts->router().handler());
    log::info("starting up",
              {{"version", BERTH_VERSION}, {"commit", git_commit()}, {"data-root", config.data_root}});
    auto result = async::block_on(io, serve(io, config, *parts, server));
    if (result) log::info("daemon shutdown complete");
    return result;
}

log::Level level_of(const Config& config) {
    if (config.debug) return log::Level::kDebug;
    std::string name = config.log_level;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name == "trace") return log::Level::kDebug;
    if (name == "panic") return log::Level::kFatal;
    log::Level level = log::Level::kInfo;
    log::parse_level(name, level);
    return level;
}

int main(const std::string& program, const std::vector<std::string>& arguments) {
    // One io thread and few helpers: two arenas keep what glibc hoards per thread small.
    ::mallopt(M_ARENA_MAX, 2);
    ::mallopt(M_TRIM_THRESHOLD, 256 << 10);
    ::umask(022);
    auto config = load_config(arguments);
    if (!config) {
        const std::string& message = config.error().message;
        fmt::print(stderr, "{}\n", message);
        const bool usage = message.starts_with("unknown") || message.starts_with("invalid argument") ||
                           message.starts_with("flag needs");
        if (usage) fmt::print(stderr, "See '{} --help'.\n", program);
        return 1;
    }
    for (const auto& note : config->deprecations) fmt::print(stderr, "{}\n", note);
    if (config->show_help) return fmt::print("{}", usage(program)), 0;
    if (config->show_version) {
        fmt::print("Berth version {}, build {} (Docker {}, API {})\n", BERTH_VERSION, git_commit(),
                   api::kCompatVersion, api::version_text(api::kLatest));
        return 0;
    }
    if (config->validate) return fmt::print(stderr, "configuration OK\n"), 0;
    if (::geteuid() != 0) {
        fmt::print(stderr, "failed to start daemon: berthd needs to be started with root privileges\n");
        return 1;
    }
    log::configure(level_of(*config), config->log_format == "json" ? log::Format::kJson : log::Format::kText);
    for (const auto& remark : remarks(*config)) log::warning(remark);
    auto result = run(*config);
    if (result) return 0;
    log::error("failed to start daemon", {{"error", result.error().message}});
    return 1;
}

}  // namespace

}  // namespace berth::daemon

int main(int argc, char** argv) {
    const std::string path = argc > 0 ? argv[0] : "berthd";
    return berth::daemon::main(path.substr(path.rfind('/') + 1), {argv + 1, argv + argc});
}
