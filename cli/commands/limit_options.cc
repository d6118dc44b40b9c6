#include "cli/commands/limit_options.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "cli/output/units.h"

namespace berth::cli {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

Result<Json> restart_policy(const std::string& text) {
    auto colon = text.find(':');
    Json out = {{"Name", text.substr(0, colon)}, {"MaximumRetryCount", 0}};
    if (colon != std::string::npos) {
        int count = 0;
        auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), count);
        if (error != std::errc() || end != text.data() + text.size()) {
            return bad("invalid restart policy format: maximum retry count must be an integer");
        }
        out["MaximumRetryCount"] = count;
    }
    return out;
}

}  // namespace

Result<> add_bytes(Json& host, const char* key, const std::string& text) {
    if (text.empty()) return {};
    if (text == "-1") {
        host[key] = -1;
        return {};
    }
    BERTH_TRY(host[key], parse_bytes(text));
    return {};
}

void LimitOptions::add_flags(Flags& f) {
    f.text("memory,m", &memory_, "bytes", "Memory limit");
    f.text("memory-swap", &memory_swap_, "bytes",
           "Swap limit equal to memory plus swap: '-1' to enable unlimited swap");
    f.text("memory-reservation", &reservation_, "bytes", "Memory soft limit");
    f.text("cpus", &cpus_, "decimal", "Number of CPUs");
    f.text("cpuset-cpus", &cpuset_cpus_, "string", "CPUs in which to allow execution (0-3, 0,1)");
    f.text("cpuset-mems", &cpuset_mems_, "string", "MEMs in which to allow execution (0-3, 0,1)");
    f.number("cpu-shares,c", &cpu_shares_, "CPU shares (relative weight)");
    f.number("cpu-quota", &cpu_quota_, "Limit CPU CFS (Completely Fair Scheduler) quota");
    f.number("cpu-period", &cpu_period_, "Limit CPU CFS (Completely Fair Scheduler) period");
    f.number("cpu-rt-period", &cpu_rt_period_, "Limit CPU real-time period in microseconds");
    f.number("cpu-rt-runtime", &cpu_rt_runtime_, "Limit CPU real-time runtime in microseconds");
    f.number("blkio-weight", &blkio_weight_,
             "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)");
    f.text("kernel-memory", &kernel_memory_, "bytes", "");
    f.number("pids-limit", &pids_, "Tune container pids limit (set -1 for unlimited)");
    f.text("restart", &restart_, "string", "Restart policy to apply when a container exits");
}

Result<> LimitOptions::add_to(const Flags& flags, Json& host) const {
    BERTH_CHECK(add_bytes(host, "Memory", memory_));
    BERTH_CHECK(add_bytes(host, "MemorySwap", memory_swap_));
    BERTH_CHECK(add_bytes(host, "MemoryReservation", reservation_));
    if (!cpus_.empty()) {
        char* end = nullptr;
        double cpus = std::strtod(cpus_.c_str(), &end);
        if (*end != '\0' || cpus < 0)
            return bad(
                fmt::format("invalid argument \"{}\" for \"--cpus\" flag: failed to parse "
                            "{} as a rational number",
                            cpus_, cpus_));
        host["NanoCpus"] = static_cast<std::int64_t>(std::llround(cpus * 1e9));
    }
    if (!cpuset_cpus_.empty()) host["CpusetCpus"] = cpuset_cpus_;
    if (!cpuset_mems_.empty()) host["CpusetMems"] = cpuset_mems_;
    if (cpu_shares_ != 0) host["CpuShares"] = cpu_shares_;
    if (cpu_quota_ != 0) host["CpuQuota"] = cpu_quota_;
    if (cpu_period_ != 0) host["CpuPeriod"] = cpu_period_;
    if (cpu_rt_period_ != 0) host["CpuRealtimePeriod"] = cpu_rt_period_;
    if (cpu_rt_runtime_ != 0) host["CpuRealtimeRuntime"] = cpu_rt_runtime_;
    if (blkio_weight_ != 0) host["BlkioWeight"] = blkio_weight_;
    // No kernel has it any more: read for the sake of old scripts.
    Json ignored = Json::object();
    BERTH_CHECK(add_bytes(ignored, "KernelMemory", kernel_memory_));
    if (flags.changed("pids-limit")) host["PidsLimit"] = pids_;
    if (!restart_.empty()) {
        BERTH_TRY(host["RestartPolicy"], restart_policy(restart_));
    }
    return {};
}

}  // namespace berth::cli
