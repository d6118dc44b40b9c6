#include "engine/container/stats.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "engine/base/files.h"
#include "engine/cgroup/cgroup.h"
#include "engine/cgroup/stats.h"
#include "engine/sys/pidfd.h"
#include "engine/sys/spawn.h"

namespace berth::container {

namespace {

using nlohmann::json;

constexpr char kZeroTime[] = "0001-01-01T00:00:00Z";
constexpr std::size_t kMostOutput = 16 << 20;

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(std::move(word));
    return words;
}

// ---- use of resources

struct HostCpu {
    std::uint64_t used = 0;  // nanoseconds of all processors, idle time too
    int processors = 0;
};

// The first line of /proc/stat counts hundredths of a second; Docker adds up user to softirq.
HostCpu host_cpu() {
    HostCpu out;
    std::istringstream lines(read_file("/proc/stat").value_or(""));
    for (std::string line; std::getline(lines, line) && line.starts_with("cpu");) {
        auto words = words_of(line);
        if (words[0] != "cpu") {
            ++out.processors;
            continue;
        }
        for (std::size_t i = 1; i < words.size() && i < 8; ++i)
            out.used += std::strtoull(words[i].c_str(), nullptr, 10);
        out.used *= 10'000'000;
    }
    return out;
}

std::uint64_t host_memory() {
    std::istringstream lines(read_file("/proc/meminfo").value_or(""));
    for (std::string line; std::getline(lines, line);) {
        auto words = words_of(line);
        if (words.size() > 1 && words[0] == "MemTotal:")
            return std::strtoull(words[1].c_str(), nullptr, 10) * 1024;
    }
    return 0;
}

// The interfaces of the container's network namespace, by its init's view of /proc/net/dev.
json networks_of(pid_t pid) {
    json out = json::object();
    std::istringstream lines(read_file("/proc/" + std::to_string(pid) + "/net/dev").value_or(""));
    for (std::string line; std::getline(lines, line);) {
        auto colon = line.find(':');
        if (colon == std::string::npos) continue;
        std::string name = words_of(line.substr(0, colon)).front();
        auto words = words_of(line.substr(colon + 1));
        if (name == "lo" || words.size() < 12) continue;
        auto at = [&](std::size_t i) { return std::strtoull(words[i].c_str(), nullptr, 10); };
        out[name] = {{"rx_bytes", at(0)},   {"rx_packets", at(1)}, {"rx_errors", at(2)},
                     {"rx_dropped", at(3)}, {"tx_bytes", at(8)},   {"tx_packets", at(9)},
                     {"tx_errors", at(10)}, {"tx_dropped", at(11)}};
    }
    return out;
}

json block_io(const std::vector<cgroup::BlockIo>& items, bool unified) {
    if (items.empty() && unified) return json();
    json out = json::array();
    for (const auto& item : items) {
        out.push_back(
            {{"major", item.major}, {"minor", item.minor}, {"op", item.operation}, {"value", item.value}});
    }
    return out;
}

json block_io_stats(const cgroup::Stats& stats, bool running) {
    json none = running && !stats.unified ? json::array() : json();
    json out;
    for (const char* name : {"io_queue_recursive", "io_service_time_recursive", "io_wait_time_recursive",
                             "io_merged_recursive", "io_time_recursive", "sectors_recursive"})
        out[name] = none;
    out["io_service_bytes_recursive"] = running ? block_io(stats.io_bytes, stats.unified) : json();
    out["io_serviced_recursive"] = running ? block_io(stats.io_operations, stats.unified) : json();
    return out;
}

json cpu_stats(const cgroup::Stats& stats, const HostCpu* host) {
    json usage = {{"total_usage", stats.cpu_total},
                  {"usage_in_kernelmode", stats.cpu_kernel},
                  {"usage_in_usermode", stats.cpu_user}};
    if (!stats.cpu_each.empty()) usage["percpu_usage"] = stats.cpu_each;
    json out = {{"cpu_usage", std::move(usage)},
                {"throttling_data",
                 {{"periods", stats.periods},
                  {"throttled_periods", stats.throttled_periods},
                  {"throttled_time", stats.throttled_time}}}};
    if (host != nullptr) {
        out["system_cpu_usage"] = host->used;
        out["online_cpus"] = host->processors;
    }
    return out;
}

json memory_stats(const cgroup::Stats& stats) {
    std::uint64_t all = host_memory();
    bool limited = stats.memory_limit != 0 && stats.memory_limit < all;
    json out = {{"usage", stats.memory_usage},
                {"stats", stats.memory},
                {"limit", limited ? stats.memory_limit : all}};
    if (stats.memory_max_usage != 0) out["max_usage"] = stats.memory_max_usage;
    if (stats.memory_fail_count != 0) out["failcnt"] = stats.memory_fail_count;
    return out;
}

json zero_sample() {
    cgroup::Stats none;
    return {{"read", kZeroTime},
            {"preread", kZeroTime},
            {"pids_stats", json::object()},
            {"blkio_stats", block_io_stats(none, false)},
            {"num_procs", 0},
            {"storage_stats", json::object()},
            {"cpu_stats", cpu_stats(none, nullptr)},
            {"precpu_stats", cpu_stats(none, nullptr)},
            {"memory_stats", json::object()}};
}

Result<json> live_sample(const Core& core, const Container& container) {
    BERTH_TRY(auto layout, cgroup::current_layout());
    BERTH_TRY(auto group, cgroup::Cgroup::at(layout, core.cgroup_path(container)));
    BERTH_TRY(auto stats, cgroup::read_stats(group));
    HostCpu host = host_cpu();
    json out = zero_sample();
    out["read"] = format_rfc3339_nano(now());
    out["pids_stats"]["current"] = stats.processes;
    if (stats.processes_limit != 0) out["pids_stats"]["limit"] = stats.processes_limit;
    out["blkio_stats"] = block_io_stats(stats, true);
    out["cpu_stats"] = cpu_stats(stats, &host);
    out["memory_stats"] = memory_stats(stats);
    if (container.network != "host") {
        json networks = networks_of(container.state.pid);
        if (!networks.empty()) out["networks"] = std::move(networks);
    }
    return out;
}

// ---- processes

struct PsOutput {
    int status = 0;
    std::string out, error;
};

// Reads both pipes to their end, whichever fills first.
Result<PsOutput> run_ps(const std::vector<std::string>& arguments) {
    int out[2], error[2];
    if (::pipe2(out, O_CLOEXEC) != 0) return fail_errno("pipe");
    UniqueFd out_read(out[0]), out_write(out[1]);
    if (::pipe2(error, O_CLOEXEC) != 0) return fail_errno("pipe");
    UniqueFd error_read(error[0]), error_write(error[1]);
    sys::SpawnOptions options;
    for (const char* path : {"/usr/bin/ps", "/bin/ps"}) {
        if (exists(path) && options.argv.empty()) options.argv = {path};
    }
    if (options.argv.empty()) {
        return fail(ErrorKind::kInternal,
                    "error running ps: exec: \"ps\": executable file not found in $PATH");
    }
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.env = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
    options.fds = {-1, out_write.get(), error_write.get()};
    BERTH_TRY(auto child, sys::spawn(options));
    out_write.reset();
    error_write.reset();
    PsOutput result;
    pollfd polls[2] = {{out_read.get(), POLLIN, 0}, {error_read.get(), POLLIN, 0}};
    std::string* targets[2] = {&result.out, &result.error};
    while (polls[0].fd >= 0 || polls[1].fd >= 0) {
        if (::poll(polls, 2, -1) < 0 && errno != EINTR) return fail_errno("poll");
        for (int i : {0, 1}) {
            if (polls[i].fd < 0 || polls[i].revents == 0) continue;
            char buffer[16384];
            ssize_t got = ::read(polls[i].fd, buffer, sizeof buffer);
            if (got <= 0)
                polls[i].fd = -1;
            else if (targets[i]->size() < kMostOutput)
                targets[i]->append(buffer, static_cast<std::size_t>(got));
        }
    }
    BERTH_TRY(auto status, sys::wait_child(child.pidfd.get()));
    result.status = status.exit_code;
    return result;
}

// dockerd refuses to let a column be called PID that is none.
Result<> check_ps_arguments(const std::vector<std::string>& arguments) {
    for (const auto& word : arguments) {
        auto equals = word.find('=');
        if (equals == std::string::npos || word.compare(equals + 1, 3, "PID") != 0) continue;
        std::string column = word.substr(0, equals);
        column = column.substr(column.find_last_of(",") + 1);
        if (column.ends_with("pid") && (column.size() == 3 || column[column.size() - 4] == 'o')) continue;
        return fail(ErrorKind::kInvalidArgument,
                    fmt::format("specifying \"{}={}\" is not allowed", column, word.substr(equals + 1)));
    }
    return {};
}

Result<json> parse_ps(const std::string& text, const std::set<std::string>& pids) {
    std::istringstream lines(text);
    std::string header;
    std::getline(lines, header);
    auto titles = words_of(header);
    auto pid = std::find(titles.begin(), titles.end(), "PID");
    if (pid == titles.end()) return fail(ErrorKind::kInternal, "Couldn't find PID field in ps output");
    auto column = static_cast<std::size_t>(pid - titles.begin());
    json processes = json::array();
    for (std::string line; std::getline(lines, line);) {
        auto words = words_of(line);
        if (words.size() <= column || !pids.contains(words[column])) continue;
        // The last column is the command: it may have blanks.
        if (words.size() > titles.size()) {
            std::string last = fmt::format(
                "{}",
                fmt::join(words.begin() + static_cast<std::ptrdiff_t>(titles.size()) - 1, words.end(), " "));
            words.resize(titles.size());
            words.back() = std::move(last);
        }
        processes.push_back(words);
    }
    return json{{"Titles", titles}, {"Processes", std::move(processes)}};
}

Result<std::string> list_processes(const Core& core, const Container& container,
                                   const std::string& arguments) {
    auto words = words_of(arguments.empty() ? "-ef" : arguments);
    BERTH_CHECK(check_ps_arguments(words));
    BERTH_TRY(auto layout, cgroup::current_layout());
    BERTH_TRY(auto group, cgroup::Cgroup::at(layout, core.cgroup_path(container)));
    BERTH_TRY(auto members, group.processes());
    std::set<std::string> pids;
    for (pid_t member : members) pids.insert(std::to_string(member));
    auto narrowed = words;
    narrowed.push_back("-q" + fmt::format("{}", fmt::join(pids, ",")));
    BERTH_TRY(auto said, run_ps(narrowed));
    // Some options go badly with -q.
    if (said.status != 0) {
        BERTH_TRY(said, run_ps(words));
    }
    if (said.status != 0) {
        std::string first = said.error.substr(0, said.error.find('\n'));
        return fail(ErrorKind::kInternal, "ps: " + first);
    }
    BERTH_TRY(json parsed, parse_ps(said.out, pids));
    return parsed.dump(-1, ' ', false, json::error_handler_t::replace);
}

class Stats final : public ContainerStats {
 public:
    explicit Stats(Core& core) : core_(core) {}

    Async<Result<std::string>> top(std::string ref, std::string ps_arguments) override {
        BERTH_CO_TRY(auto container, core_.store.find(ref));
        if (container->state.status == Status::kRestarting) {
            co_return fail(ErrorKind::kConflict, "Container " + container->id +
                                                     " is restarting, wait until the container is running");
        }
        if (!container->state.live())
            co_return fail(ErrorKind::kConflict, "container " + container->id + " is not running");
        auto work = [this, container, ps_arguments] {
            return list_processes(core_, *container, ps_arguments);
        };
        BERTH_CO_TRY(std::string text, co_await core_.parts.pool.run(std::move(work)));
        core_.publish(*container, "top");
        co_return text;
    }

    Async<Result<std::string>> sample(std::string id, std::string previous) override {
        auto container = core_.store.get(id);
        if (!container) co_return fail(ErrorKind::kNotFound, "No such container: " + id);
        json object = zero_sample();
        if (container->state.live()) {
            auto work = [this, container] { return live_sample(core_, *container); };
            auto sampled = co_await core_.parts.pool.run(std::move(work));
            // It may have ended this moment.
            if (sampled) object = std::move(*sampled);
        }
        object["name"] = "/" + container->name;
        object["id"] = container->id;
        json before = previous.empty() ? json() : json::parse(previous, nullptr, false);
        if (before.is_object()) {
            object["preread"] = before["read"];
            object["precpu_stats"] = before["cpu_stats"];
        }
        co_return object.dump(-1, ' ', false, json::error_handler_t::replace);
    }

 private:
    Core& core_;
};

}  // namespace

std::unique_ptr<ContainerStats> make_stats(Core& core) {
    return std::make_unique<Stats>(core);
}

}  // namespace berth::container
