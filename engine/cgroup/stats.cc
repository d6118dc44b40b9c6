#include "engine/cgroup/stats.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "engine/base/files.h"

namespace berth::cgroup {

namespace {

constexpr std::uint64_t kMicrosecond = 1000;
constexpr std::uint64_t kTick =
    10'000'000;  // cpuacct.stat counts hundredths of a second, whatever the kernel's HZ

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        std::string_view part = text.substr(0, text.find(separator));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        if (!part.empty()) parts.push_back(part);
    }
    return parts;
}

// One controller's folder; every file may be missing.
class Files {
 public:
    explicit Files(std::string folder) : folder_(std::move(folder)) {}
    std::string text(const char* name) const {
        return folder_.empty() ? std::string() : read_file(folder_ + "/" + name).value_or("");
    }
    std::uint64_t value(const char* name) const { return number(text(name)); }
    // 0 for "max" and for what version 1 writes when there is no limit.
    std::uint64_t limit(const char* name) const {
        std::uint64_t read = value(name);
        return read >= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / 4096 * 4096
                   ? 0
                   : read;
    }
    // "key value" lines.
    std::map<std::string, std::uint64_t> table(const char* name) const {
        std::map<std::string, std::uint64_t> out;
        std::string all = text(name);
        for (std::string_view line : split(all, '\n')) {
            auto blank = line.find(' ');
            if (blank != line.npos) out[std::string(line.substr(0, blank))] = number(line.substr(blank + 1));
        }
        return out;
    }

 private:
    std::string folder_;
};

// "8:0 Read 4096", and a "Total" at the end.
std::vector<BlockIo> block_io_v1(const Files& files, const char* name) {
    std::vector<BlockIo> out;
    std::string all = files.text(name);
    for (std::string_view line : split(all, '\n')) {
        auto words = split(line, ' ');
        if (words.size() != 3) continue;
        auto device = split(words[0], ':');
        if (device.size() != 2) continue;
        out.push_back({number(device[0]), number(device[1]), std::string(words[1]), number(words[2])});
    }
    return out;
}

// "8:0 rbytes=1 wbytes=2 rios=3 …"
std::vector<BlockIo> block_io_v2(const Files& files) {
    std::vector<BlockIo> out;
    std::string all = files.text("io.stat");
    for (std::string_view line : split(all, '\n')) {
        auto words = split(line, ' ');
        auto device = split(words.front(), ':');
        if (device.size() != 2) continue;
        for (std::string_view word : words) {
            const char* operation = word.starts_with("rbytes=")   ? "read"
                                    : word.starts_with("wbytes=") ? "write"
                                                                  : nullptr;
            if (operation != nullptr)
                out.push_back({number(device[0]), number(device[1]), operation, number(word.substr(7))});
        }
    }
    return out;
}

Stats read_v1(const Cgroup& cgroup) {
    auto files = [&](const char* controller) { return Files(cgroup.controller_folder(controller)); };
    Stats stats;
    Files cpuacct = files("cpuacct"), cpu = files("cpu"), memory = files("memory"), pids = files("pids"),
          blkio = files("blkio");
    stats.cpu_total = cpuacct.value("cpuacct.usage");
    auto times = cpuacct.table("cpuacct.stat");
    stats.cpu_user = times["user"] * kTick;
    stats.cpu_kernel = times["system"] * kTick;
    std::string each = cpuacct.text("cpuacct.usage_percpu");
    for (std::string_view one : split(each, ' ')) {
        if (one != "\n") stats.cpu_each.push_back(number(one));
    }
    auto throttling = cpu.table("cpu.stat");
    stats.periods = throttling["nr_periods"];
    stats.throttled_periods = throttling["nr_throttled"];
    stats.throttled_time = throttling["throttled_time"];
    stats.memory_usage = memory.value("memory.usage_in_bytes");
    stats.memory_max_usage = memory.value("memory.max_usage_in_bytes");
    stats.memory_fail_count = memory.value("memory.failcnt");
    stats.memory_limit = memory.limit("memory.limit_in_bytes");
    stats.memory = memory.table("memory.stat");
    stats.processes = pids.value("pids.current");
    stats.processes_limit = pids.limit("pids.max");
    stats.io_bytes = block_io_v1(blkio, "blkio.throttle.io_service_bytes_recursive");
    stats.io_operations = block_io_v1(blkio, "blkio.throttle.io_serviced_recursive");
    return stats;
}

Stats read_v2(const Cgroup& cgroup) {
    Files files(cgroup.controller_folder(""));
    Stats stats;
    stats.unified = true;
    auto cpu = files.table("cpu.stat");
    stats.cpu_total = cpu["usage_usec"] * kMicrosecond;
    stats.cpu_user = cpu["user_usec"] * kMicrosecond;
    stats.cpu_kernel = cpu["system_usec"] * kMicrosecond;
    stats.periods = cpu["nr_periods"];
    stats.throttled_periods = cpu["nr_throttled"];
    stats.throttled_time = cpu["throttled_usec"] * kMicrosecond;
    stats.memory_usage = files.value("memory.current");
    stats.memory_limit = files.limit("memory.max");
    stats.memory_fail_count = files.table("memory.events")["max"];
    stats.memory = files.table("memory.stat");
    stats.processes = files.value("pids.current");
    stats.processes_limit = files.limit("pids.max");
    stats.io_bytes = block_io_v2(files);
    return stats;
}

}  // namespace

Result<Stats> read_stats(const Cgroup& cgroup) {
    bool there = std::any_of(cgroup.folders().begin(), cgroup.folders().end(),
                             [](const Cgroup::Folder& folder) { return exists(folder.path); });
    if (!there) return fail(ErrorKind::kNotFound, "no such cgroup");
    return cgroup.unified_only() ? read_v2(cgroup) : read_v1(cgroup);
}

}  // namespace berth::cgroup
