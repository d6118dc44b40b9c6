#include "engine/container/health.h"

#include <nlohmann/json.hpp>

#include "engine/base/ids.h"

namespace berth::container {

namespace {

using nlohmann::json;
using supervisor::Health;
constexpr std::int64_t kShortest = 1'000'000, kSecond = 1'000'000'000;  // nanoseconds

Result<> check_time(std::int64_t time, const std::string& name) {
    if (time == 0 || time >= kShortest) return {};
    return fail(ErrorKind::kInvalidArgument, name + " in Healthcheck cannot be less than 1ms");
}

std::chrono::nanoseconds time_or(std::int64_t time, std::int64_t seconds) {
    return std::chrono::nanoseconds(time > 0 ? time : seconds * kSecond);
}

std::vector<std::string> probe_command(const types::ContainerConfig& config) {
    const auto& test = config.healthcheck->test;
    std::vector<std::string> command;
    if (test.front() == "CMD-SHELL") {
        command = config.shell;
        if (command.empty()) command = {"/bin/sh", "-c"};
    }
    command.insert(command.end(), test.begin() + 1, test.end());
    return command;
}

Async<void> save_health(Core& core, std::string id) {
    auto guard = co_await core.locks.lock(id);
    auto container = core.store.get(id);
    if (!guard || !container || !container->state.live()) co_return;
    State state = container->state;
    (void)co_await core.store.save_state(id, std::move(state));
}

}  // namespace

Result<> check_health(const std::optional<types::HealthConfig>& health) {
    if (!health) return {};
    BERTH_CHECK(check_time(health->interval, "Interval"));
    BERTH_CHECK(check_time(health->timeout, "Timeout"));
    if (health->retries < 0)
        return fail(ErrorKind::kInvalidArgument, "Retries in Healthcheck cannot be negative");
    BERTH_CHECK(check_time(health->start_period, "StartPeriod"));
    return check_time(health->start_interval, "StartInterval");
}

Result<> merge_health(types::ContainerConfig& config, const std::string& image_json) {
    if (image_json.empty()) return {};
    auto object = json::parse(image_json, nullptr, false);
    if (!object.is_object()) return {};
    BERTH_TRY(auto image, types::parse_health_config(object, ".Healthcheck"));
    if (!config.healthcheck) {
        config.healthcheck = std::move(image);
        return {};
    }
    auto& own = *config.healthcheck;
    if (own.test.empty()) own.test = std::move(image.test);
    if (own.interval == 0) own.interval = image.interval;
    if (own.timeout == 0) own.timeout = image.timeout;
    if (own.start_period == 0) own.start_period = image.start_period;
    if (own.start_interval == 0) own.start_interval = image.start_interval;
    if (own.retries == 0) own.retries = image.retries;
    return {};
}

bool has_probe(const Container& container) {
    const auto& health = container.config.healthcheck;
    if (!health || health->test.size() < 2) return false;
    return health->test.front() == "CMD" || health->test.front() == "CMD-SHELL";
}

std::optional<supervisor::HealthSpec> health_spec(const Container& container, oci::Process process) {
    if (!has_probe(container)) return {};
    process.args = probe_command(container.config);
    process.terminal = false;
    process.console_size.reset();
    const auto& config = *container.config.healthcheck;
    supervisor::HealthSpec out;
    out.process_json = oci::render(process);
    out.interval = time_or(config.interval, 30);
    out.timeout = time_or(config.timeout, 30);
    out.start_period = time_or(config.start_period, 0);
    out.start_interval = time_or(config.start_interval, 5);
    out.retries = config.retries > 0 ? static_cast<int>(config.retries) : 3;
    return out;
}

const char* health_text(Health::Status status) {
    switch (status) {
        case Health::Status::kStarting:
            return "starting";
        case Health::Status::kHealthy:
            return "healthy";
        default:
            return "unhealthy";
    }
}

json health_json(const Health& health) {
    json log = json::array();
    for (const auto& probe : health.log) {
        log.push_back({{"Start", format_rfc3339_nano(probe.started_at)},
                       {"End", format_rfc3339_nano(probe.ended_at)},
                       {"ExitCode", probe.exit_code},
                       {"Output", probe.output}});
    }
    return {{"Status", health_text(health.status)},
            {"FailingStreak", health.failing_streak},
            {"Log", std::move(log)}};
}

Health parse_health(const json& object) {
    Health health;
    std::string status = object.at("Status");
    if (status == "healthy") health.status = Health::Status::kHealthy;
    if (status == "unhealthy") health.status = Health::Status::kUnhealthy;
    health.failing_streak = object.at("FailingStreak");
    for (const auto& row : object.at("Log")) {
        auto start = parse_rfc3339(row.at("Start").get<std::string>());
        auto end = parse_rfc3339(row.at("End").get<std::string>());
        if (start && end) health.log.push_back({*start, *end, row.at("ExitCode"), row.at("Output")});
    }
    return health;
}

// A probe is an exec to whoever watches; it is told once it is over.
void publish_probe(Core& core, const Container& container, const Health& health) {
    if (health.log.empty() || !has_probe(container)) return;
    std::string command;
    for (const auto& word : probe_command(container.config)) command += (command.empty() ? "" : " ") + word;
    const std::string id = random_hex(32);
    core.publish(container, "exec_create: " + command, {{"execID", id}});
    core.publish(container, "exec_start: " + command, {{"execID", id}});
    core.publish(container, "exec_die",
                 {{"execID", id}, {"exitCode", std::to_string(health.log.back().exit_code)}});
}

void note_health(Core& core, const std::string& id, const Health& health) {
    auto container = core.store.get(id);
    if (!container || !container->state.live()) return;
    auto before = container->state.health;
    State state = container->state;
    state.health = std::make_shared<const Health>(health);
    container = core.store.set_state(id, std::move(state));
    bool probed = !health.log.empty() && (!before || before->log.empty() ||
                                          before->log.back().started_at != health.log.back().started_at);
    if (probed) publish_probe(core, *container, health);
    if ((before ? before->status : Health::Status::kStarting) == health.status) return;
    core.publish(*container, std::string("health_status: ") + health_text(health.status));
    core.gate.spawn(save_health(core, id));
}

}  // namespace berth::container
