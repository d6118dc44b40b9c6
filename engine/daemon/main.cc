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
#include "engine/daemon/listeners.h"
#include "engine/daemon/notify.h"
#include "engine/daemon/reload.h"
#include "engine/daemon/remap.h"
#include "engine/daemon/signals.h"
#include "engine/http/server.h"

namespace berth::daemon {

namespace {

constexpr unsigned kDrainSeconds = 5;

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

log::Format format_of(const Config& config) {
    return config.log_format == "json" ? log::Format::kJson : log::Format::kText;
}

void reload_settings(Config& config, Composition& parts) {
    log::info("got signal to reload configuration", {{"config-file", config.config_file}});
    auto changed = reload(config);
    if (!changed) {
        log::error("error reloading configuration", {{"error", changed.error().message}});
        return;
    }
    log::configure(level_of(config), format_of(config));
    for (const auto& remark : remarks(config)) log::warning(remark);
    parts.apply(std::move(*changed));
    log::info("reloaded configuration");
}

using Tls = std::shared_ptr<const http::TlsServer>;

Async<Result<>> serve(IoContext& io, Config& config, Composition& parts, http::Server& server, Tls tls) {
    BERTH_CO_CHECK(co_await parts.recover());
    BERTH_CO_CHECK(listen(server, config, tls));
    log::info("Daemon has completed initialization");
    ::malloc_trim(0);
    notify_manager("READY=1");
    std::function<void()> reload = [&config, &parts] { reload_settings(config, parts); };
    int signal = co_await wait_for_stop(io, std::move(reload));
    log::info("processing signal", {{"signal", signal}});
    notify_manager("STOPPING=1");
    co_await parts.stop_containers();
    co_await server.drain(kDrainSeconds);
    co_await parts.close();
    co_return Result<>();
}

Result<> run(Config& config, Tls tls) {
    BERTH_CHECK(go_below(config));
    BERTH_TRY(auto instance,
              Instance::claim(config.data_root, config.exec_root, config.pidfile, config.ids.root().gid));
    IoContext io(1);
    BERTH_TRY(auto parts, Composition::build(io, config));
    http::Server server(io, parts->router().handler());
    log::info("starting up",
              {{"version", BERTH_VERSION}, {"commit", git_commit()}, {"data-root", config.data_root}});
    auto result = async::block_on(io, serve(io, config, *parts, server, std::move(tls)));
    if (result) log::info("daemon shutdown complete");
    return result;
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
    auto tls = load_tls(*config);
    if (!tls) {
        fmt::print(stderr, "{}\n", tls.error().message);
        return 1;
    }
    if (auto found = look_up_remap(*config); !found) {
        fmt::print(stderr, "{}\n", found.error().message);
        return 1;
    }
    if (config->validate) return fmt::print(stderr, "configuration OK\n"), 0;
    if (::geteuid() != 0) {
        fmt::print(stderr, "failed to start daemon: berthd needs to be started with root privileges\n");
        return 1;
    }
    log::configure(level_of(*config), format_of(*config));
    for (const auto& remark : remarks(*config)) log::warning(remark);
    auto result = run(*config, std::move(*tls));
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
