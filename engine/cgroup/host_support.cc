#include "engine/cgroup/host_support.h"

#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include "engine/base/files.h"
#include "engine/cgroup/hierarchy.h"

namespace berth::cgroup {

namespace {

constexpr unsigned kMostNumbers = 1 << 16;

std::string first_line(const std::string& path) {
    auto text = read_file(path);
    return text ? text->substr(0, text->find('\n')) : std::string();
}

void read_v1(const Layout& layout, HostSupport& out) {
    auto has = [&](std::string_view controller, const char* file) {
        for (const auto& hierarchy : layout.hierarchies)
            if (hierarchy.has(controller)) return exists(hierarchy.mount_point + "/" + file);
        return false;
    };
    out.memory = has("memory", "memory.limit_in_bytes");
    out.swap = has("memory", "memory.memsw.limit_in_bytes");
    out.reservation = has("memory", "memory.soft_limit_in_bytes");
    out.swappiness = has("memory", "memory.swappiness");
    out.oom_kill_disable = has("memory", "memory.oom_control");
    out.kernel_memory_tcp = has("memory", "memory.kmem.tcp.limit_in_bytes");
    out.cpu_shares = has("cpu", "cpu.shares");
    out.cpu_cfs = has("cpu", "cpu.cfs_quota_us");
    out.cpu_realtime = has("cpu", "cpu.rt_period_us");
    out.pids = has("pids", "");
    out.blkio_weight = has("blkio", "blkio.weight");
    out.blkio_weight_device = has("blkio", "blkio.weight_device");
    out.blkio_read_bps = has("blkio", "blkio.throttle.read_bps_device");
    out.blkio_write_bps = has("blkio", "blkio.throttle.write_bps_device");
    out.blkio_read_iops = has("blkio", "blkio.throttle.read_iops_device");
    out.blkio_write_iops = has("blkio", "blkio.throttle.write_iops_device");
    for (const auto& hierarchy : layout.hierarchies) {
        if (!hierarchy.has("cpuset")) continue;
        out.cpuset = true;
        out.cpus = first_line(hierarchy.mount_point + "/cpuset.cpus");
        out.mems = first_line(hierarchy.mount_point + "/cpuset.mems");
    }
}

// The root has no limit files: a child tells whether the kernel counts swap.
bool counts_swap(const std::string& root) {
    auto children = list_folder(root);
    if (!children) return false;
    for (const auto& child : *children)
        if (exists(root + "/" + child + "/memory.swap.max")) return true;
    return false;
}

void read_v2(const std::string& root, HostSupport& out) {
    std::string list = " " + first_line(root + "/cgroup.controllers") + " ";
    auto has = [&](const std::string& name) { return list.find(" " + name + " ") != std::string::npos; };
    out.memory = out.reservation = has("memory");
    out.swap = out.memory && counts_swap(root);
    out.cpu_shares = out.cpu_cfs = has("cpu");
    out.cpuset = has("cpuset");
    out.pids = has("pids");
    out.blkio_weight = out.blkio_weight_device = out.blkio_read_bps = out.blkio_write_bps =
        out.blkio_read_iops = out.blkio_write_iops = has("io");
    out.cpus = first_line(root + "/cpuset.cpus.effective");
    out.mems = first_line(root + "/cpuset.mems.effective");
}

bool read_number(std::string_view text, unsigned& number) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() && number < kMostNumbers;
}

std::optional<std::set<unsigned>> parse_list(std::string_view text) {
    std::set<unsigned> numbers;
    while (!text.empty()) {
        std::string_view part = text.substr(0, text.find(','));
        text.remove_prefix(part.size());
        if (!text.empty()) text.remove_prefix(1);
        auto dash = part.find('-');
        unsigned first = 0, last = 0;
        if (!read_number(part.substr(0, dash), first)) return std::nullopt;
        if (dash == part.npos) {
            last = first;
        } else if (!read_number(part.substr(dash + 1), last) || last < first) {
            return std::nullopt;
        }
        for (unsigned number = first; number <= last; ++number) numbers.insert(number);
    }
    return numbers;
}

}  // namespace

HostSupport read_host_support() {
    HostSupport out;
    auto layout = current_layout();
    if (!layout) return out;
    out.unified = layout->unified_only();
    if (out.unified) {
        read_v2(layout->hierarchies.front().mount_point, out);
    } else {
        read_v1(*layout, out);
    }
    return out;
}

ListMatch match_list(const std::string& wanted, const std::string& available) {
    auto numbers = parse_list(wanted), there = parse_list(available);
    if (!numbers) return ListMatch::kMalformed;
    for (unsigned number : *numbers)
        if (!there || !there->contains(number)) return ListMatch::kUnavailable;
    return ListMatch::kAvailable;
}

}  // namespace berth::cgroup
