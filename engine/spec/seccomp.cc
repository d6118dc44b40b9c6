#include "engine/spec/seccomp.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace berth::spec {

namespace {

using nlohmann::json;

struct Names {
    std::string_view go, seccomp;
};
constexpr Names kArchitectures[] = {
    {"386", "SCMP_ARCH_X86"},         {"amd64", "SCMP_ARCH_X86_64"},        {"arm", "SCMP_ARCH_ARM"},
    {"arm64", "SCMP_ARCH_AARCH64"},   {"loong64", "SCMP_ARCH_LOONGARCH64"}, {"ppc64le", "SCMP_ARCH_PPC64LE"},
    {"riscv64", "SCMP_ARCH_RISCV64"}, {"s390x", "SCMP_ARCH_S390X"}};

Failure broken(const std::string& why) {
    return fail(ErrorKind::kInvalidArgument, "Decoding seccomp profile failed: " + why);
}

bool holds(const json& list, std::string_view value) {
    return std::any_of(list.begin(), list.end(),
                       [&](const json& item) { return item.get<std::string>() == value; });
}

const json& field(const json& from, const char* name) {
    static const json kNone;
    auto found = from.find(name);
    return found == from.end() ? kNone : *found;
}

// Throws out_of_range for what is no version: the caller words it.
bool kernel_reaches(const std::string& wanted, const HostFacts& host) {
    int major = 0, minor = 0;
    const char* end = wanted.data() + wanted.size();
    auto first = std::from_chars(wanted.data(), end, major);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') throw std::out_of_range(wanted);
    auto second = std::from_chars(first.ptr + 1, end, minor);
    if (second.ec != std::errc()) throw std::out_of_range(wanted);
    return std::pair(host.kernel_major, host.kernel_minor) >= std::pair(major, minor);
}

bool excluded(const json& filter, const std::vector<std::string>& caps, const HostFacts& host) {
    if (filter.is_null()) return false;
    (void)filter.get_ref<const json::object_t&>();  // throws for anything but an object
    if (holds(field(filter, "arches"), host.architecture)) return true;
    for (const auto& cap : caps) {
        if (holds(field(filter, "caps"), cap)) return true;
    }
    const json& kernel = field(filter, "minKernel");
    return kernel.is_string() && !kernel.get<std::string>().empty() && kernel_reaches(kernel, host);
}

bool included(const json& filter, const std::vector<std::string>& caps, const HostFacts& host) {
    if (filter.is_null()) return true;
    (void)filter.get_ref<const json::object_t&>();
    const json& arches = field(filter, "arches");
    if (!arches.empty() && !holds(arches, host.architecture)) return false;
    for (const auto& cap : field(filter, "caps")) {
        if (std::find(caps.begin(), caps.end(), cap.get<std::string>()) == caps.end()) return false;
    }
    const json& kernel = field(filter, "minKernel");
    return !kernel.is_string() || kernel.get<std::string>().empty() || kernel_reaches(kernel, host);
}

oci::SeccompRule read_rule(const json& from) {
    oci::SeccompRule rule;
    if (const json& name = field(from, "name"); name.is_string() && !name.get<std::string>().empty()) {
        rule.names.push_back(name);
    } else if (const json& names = field(from, "names"); !names.is_null()) {
        rule.names = names.get<std::vector<std::string>>();
    }
    rule.action = from.value("action", "");
    if (const json& number = field(from, "errnoRet"); !number.is_null())
        rule.errno_ret = number.get<std::uint32_t>();
    for (const auto& arg : field(from, "args")) {
        if (arg.is_null()) continue;
        rule.args.push_back({arg.value("index", 0U), arg.value("value", std::uint64_t{0}),
                             arg.value("valueTwo", std::uint64_t{0}), arg.value("op", "")});
    }
    return rule;
}

void read_architectures(const json& profile, const HostFacts& host, oci::Seccomp& out) {
    if (const json& list = field(profile, "architectures"); !list.is_null()) {
        out.architectures = list.get<std::vector<std::string>>();
    }
    auto native = std::find_if(std::begin(kArchitectures), std::end(kArchitectures),
                               [&](const Names& names) { return names.go == host.architecture; });
    if (native == std::end(kArchitectures)) return;
    for (const auto& entry : field(profile, "archMap")) {
        if (entry.value("architecture", "") != native->seccomp) continue;
        out.architectures.emplace_back(native->seccomp);
        for (const auto& sub : field(entry, "subArchitectures")) out.architectures.push_back(sub);
        return;
    }
}

Result<std::optional<oci::Seccomp>> resolve(const json& profile, const std::vector<std::string>& caps,
                                            const HostFacts& host) {
    oci::Seccomp out;
    out.default_action = profile.value("defaultAction", "");
    const json& rules = field(profile, "syscalls");
    if (out.default_action.empty() && rules.empty()) return std::optional<oci::Seccomp>();
    if (!field(profile, "architectures").empty() && !field(profile, "archMap").empty()) {
        return fail(ErrorKind::kInvalidArgument,
                    "both 'architectures' and 'archMap' are specified in the seccomp profile, use either "
                    "'architectures' or 'archMap'");
    }
    if (const json& number = field(profile, "defaultErrnoRet"); !number.is_null())
        out.default_errno_ret = number;
    if (const json& flags = field(profile, "flags"); !flags.is_null())
        out.flags = flags.get<std::vector<std::string>>();
    out.listener_path = profile.value("listenerPath", "");
    out.listener_metadata = profile.value("listenerMetadata", "");
    read_architectures(profile, host, out);
    for (const auto& rule : rules) {
        if (!rule.value("name", "").empty() && !field(rule, "names").empty()) {
            return fail(
                ErrorKind::kInvalidArgument,
                "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'");
        }
        if (excluded(field(rule, "excludes"), caps, host)) continue;
        if (!included(field(rule, "includes"), caps, host)) continue;
        out.syscalls.push_back(read_rule(rule));
    }
    return std::optional(std::move(out));
}

Result<std::optional<oci::Seccomp>> resolve_checked(const json& profile, const std::vector<std::string>& caps,
                                                    const HostFacts& host) {
    if (!profile.is_object()) return broken("not a JSON object");
    try {
        return resolve(profile, caps, host);
    } catch (const json::exception& error) {
        return broken(error.what());
    } catch (const std::out_of_range& error) {
        return broken("invalid kernel version: " + std::string(error.what()));
    }
}

}  // namespace

Result<std::optional<oci::Seccomp>> resolve_seccomp(std::string_view profile,
                                                    const std::vector<std::string>& caps,
                                                    const HostFacts& host) {
    const json parsed = json::parse(profile, nullptr, false);
    if (parsed.is_discarded()) return broken("invalid JSON");
    return resolve_checked(parsed, caps, host);
}

Result<std::optional<oci::Seccomp>> default_seccomp(const std::vector<std::string>& caps,
                                                    const HostFacts& host) {
    static const json kProfile = json::parse(kDefaultSeccompProfile);
    return resolve_checked(kProfile, caps, host);
}

}  // namespace berth::spec
