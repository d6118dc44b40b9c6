#include "engine/cgroup/details.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "engine/base/files.h"

namespace berth::cgroup {

namespace {

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return text.starts_with("max") ? ~std::uint64_t{0} : value;
}

std::uint64_t value_of(const std::string& folder, const std::string& file) {
    return folder.empty() ? 0 : number(read_file(folder + "/" + file).value_or(""));
}

// "0-3,7"
std::vector<std::uint16_t> list_of(const std::string& folder, const char* file) {
    std::vector<std::uint16_t> out;
    std::string text = folder.empty() ? "" : read_file(folder + "/" + file).value_or("");
    for (std::size_t at = 0; at < text.size() && text[at] != '\n';) {
        auto end = std::min(text.find_first_of(",\n", at), text.size());
        std::string part = text.substr(at, end - at);
        at = end + 1;
        auto dash = part.find('-');
        auto from = number(part),
             to = dash == part.npos ? from : number(std::string_view(part).substr(dash + 1));
        for (std::uint64_t one = from; one <= to && out.size() < 65536; ++one)
            out.push_back(static_cast<std::uint16_t>(one));
    }
    return out;
}

Use use_v1(const std::string& folder, const std::string& prefix) {
    return {value_of(folder, prefix + "usage_in_bytes"), value_of(folder, prefix + "max_usage_in_bytes"),
            value_of(folder, prefix + "limit_in_bytes"), value_of(folder, prefix + "failcnt")};
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"
std::map<std::string, Pressure> pressure_of(const std::string& folder, const std::string& what) {
    std::map<std::string, Pressure> out;
    std::string text = read_file(folder + "/" + what + ".pressure").value_or("");
    for (std::size_t at = 0; at < text.size();) {
        std::string line = text.substr(at, text.find('\n', at) - at);
        at += line.size() + 1;
        Pressure& one = out[line.substr(0, line.find(' '))];
        auto field = [&](const char* name) {
            auto found = line.find(name);
            return found == line.npos
                       ? 0.0
                       : std::strtod(line.c_str() + found + std::string_view(name).size(), nullptr);
        };
        one = {field("avg10="), field("avg60="), field("avg300="),
               static_cast<std::uint64_t>(field("total="))};
    }
    return out;
}

// "hugetlb.2MB.max" and the like: the sizes that this kernel has.
std::vector<std::string> huge_sizes(const std::string& folder, const std::string& ending) {
    std::vector<std::string> out;
    auto names = folder.empty() ? Result<std::vector<std::string>>() : list_folder(folder);
    for (const std::string& name : names ? *names : std::vector<std::string>()) {
        if (!name.starts_with("hugetlb.") || !name.ends_with(ending) || name.find(".rsvd.") != name.npos)
            continue;
        out.push_back(name.substr(8, name.size() - 8 - ending.size()));
    }
    return out;
}

Details read_v1(const Cgroup& cgroup) {
    Details out;
    std::string memory = cgroup.controller_folder("memory"), huge = cgroup.controller_folder("hugetlb"),
                cpuset = cgroup.controller_folder("cpuset");
    if (!memory.empty()) {
        out.swap = use_v1(memory, "memory.memsw.");
        out.kernel = use_v1(memory, "memory.kmem.");
        out.kernel_tcp = use_v1(memory, "memory.kmem.tcp.");
    }
    for (const std::string& size : huge_sizes(huge, ".limit_in_bytes"))
        out.huge[size] = use_v1(huge, "hugetlb." + size + ".");
    out.cpus = list_of(cpuset, "cpuset.cpus");
    out.memory_nodes = list_of(cpuset, "cpuset.mems");
    return out;
}

Details read_v2(const Cgroup& cgroup) {
    Details out;
    std::string folder = cgroup.controller_folder("");
    std::uint64_t memory_limit = value_of(folder, "memory.max"),
                  swap_limit = value_of(folder, "memory.swap.max");
    constexpr auto kNone = ~std::uint64_t{0};
    out.swap = {value_of(folder, "memory.swap.current") + value_of(folder, "memory.current"), 0,
                swap_limit == kNone || memory_limit == kNone ? kNone : swap_limit + memory_limit, 0};
    for (const std::string& size : huge_sizes(folder, ".max")) {
        std::string prefix = "hugetlb." + size + ".";
        out.huge[size] = {value_of(folder, prefix + "current"), 0, value_of(folder, prefix + "max"), 0};
    }
    out.cpus = list_of(folder, "cpuset.cpus");
    out.memory_nodes = list_of(folder, "cpuset.mems");
    for (const char* what : {"cpu", "memory", "io"}) {
        if (auto pressure = pressure_of(folder, what); !pressure.empty())
            out.pressure[what] = std::move(pressure);
    }
    return out;
}

}  // namespace

Details read_details(const Cgroup& cgroup) {
    return cgroup.unified_only() ? read_v2(cgroup) : read_v1(cgroup);
}

std::string oom_file(const Cgroup& cgroup) {
    std::string folder = cgroup.controller_folder(cgroup.unified_only() ? "" : "memory");
    if (folder.empty()) return {};
    return folder + (cgroup.unified_only() ? "/memory.events" : "/memory.oom_control");
}

std::uint64_t oom_kills(const Cgroup& cgroup) {
    std::string text = read_file(oom_file(cgroup)).value_or("");
    auto at = text.find("oom_kill ");
    return at == text.npos ? 0 : number(std::string_view(text).substr(at + 9));
}

}  // namespace berth::cgroup
