#include "engine/oci/runtime_spec.h"

#include <fmt/format.h>
#include <strings.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

namespace berth::oci {

namespace {

using Json = nlohmann::ordered_json;

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class T>
struct IsMap<std::map<std::string, T>> : std::true_type {};
using Strings = std::map<std::string, std::string>;

// Every struct's fields are listed once, below, for both directions: `pass("name", member)` for each. The
// Reader fills the member from the object, the Writer adds it to the object unless it says nothing.
class Reader {
 public:
    Reader(const Json& object, std::string path, Error& error)
        : object_(object), path_(std::move(path)), error_(error) {
        if (!object.is_object()) wrong("", "expected an object");
    }

    template <class T>
    void operator()(const char* name, T& member) {
        if (const Json* value = find(name)) read(*value, name, member);
    }
    // A member that lies one object deeper: "pids": {"limit": …}.
    template <class T>
    void nested(const char* outer, const char* name, T& member) {
        const Json* value = find(outer);
        if (value == nullptr) return;
        Reader inner(*value, join(outer), error_);
        inner(name, member);
    }
    template <class T>
    void always(const char* name, T& member) {
        (*this)(name, member);
    }
    // Part of the specification, not of these structs yet.
    void unsupported(const char* name) {
        const Json* value = find(name);
        if (value == nullptr || value->empty()) return;
        if (error_.message.empty())
            error_ = {ErrorKind::kNotImplemented, join(name) + " is not supported yet", 0};
    }

 private:
    // Null is as good as not there.
    const Json* find(const char* name) const {
        if (!object_.is_object()) return nullptr;
        const Json* otherwise = nullptr;
        for (auto at = object_.begin(); at != object_.end(); ++at) {
            if (at.key() == name) return at->is_null() ? nullptr : &*at;
            if (::strcasecmp(at.key().c_str(), name) == 0 && !at->is_null()) otherwise = &*at;
        }
        return otherwise;
    }
    std::string join(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }
    void wrong(const std::string& name, const std::string& why) {
        std::string where = name.empty() ? path_ : join(name);
        if (error_.message.empty())
            error_ = {ErrorKind::kInvalidArgument, where.empty() ? why : where + ": " + why, 0};
    }

    template <class T>
    void read(const Json& value, const std::string& name, T& member) {
        if constexpr (IsOptional<T>::value) {
            member.emplace();
            read(value, name, *member);
        } else if constexpr (IsVector<T>::value) {
            if (!value.is_array()) return wrong(name, "expected an array");
            for (std::size_t i = 0; i < value.size(); ++i) {
                member.emplace_back();
                read(value[i], fmt::format("{}[{}]", name, i), member.back());
            }
        } else if constexpr (std::is_same_v<T, std::string>) {
            if (!value.is_string()) return wrong(name, "expected a string");
            member = value.template get<std::string>();
            if (member.find('\0') != std::string::npos) wrong(name, "a NUL byte in a string");
        } else if constexpr (std::is_same_v<T, bool>) {
            if (!value.is_boolean()) return wrong(name, "expected a boolean");
            member = value.template get<bool>();
        } else if constexpr (std::is_integral_v<T>) {
            read_number(value, name, member);
        } else if constexpr (IsMap<T>::value) {
            if (!value.is_object()) return wrong(name, "expected an object");
            for (const auto& [key, item] : value.items()) read(item, name + "." + key, member[key]);
        } else {
            Reader inner(value, join(name), error_);
            fields(inner, member);
        }
    }

    template <class T>
    void read_number(const Json& value, const std::string& name, T& member) {
        if (!value.is_number_integer()) return wrong(name, "expected an integer");
        bool fits = false;
        if (value.is_number_unsigned()) {
            fits = value.template get<std::uint64_t>() <=
                   static_cast<std::uint64_t>(std::numeric_limits<T>::max());
        } else {
            auto number = value.template get<std::int64_t>();
            fits = number >= 0 ? static_cast<std::uint64_t>(number) <=
                                     static_cast<std::uint64_t>(std::numeric_limits<T>::max())
                               : std::is_signed_v<T> &&
                                     number >= static_cast<std::int64_t>(std::numeric_limits<T>::min());
        }
        if (!fits) return wrong(name, "out of range");
        member = value.template get<T>();
    }

    const Json& object_;
    std::string path_;
    Error& error_;
};

class Writer {
 public:
    Json object = Json::object();

    template <class T>
    void operator()(const char* name, T& member) {
        if constexpr (IsOptional<T>::value) {
            if (member) object[name] = written(*member);
        } else if (!(member == T{})) {
            object[name] = written(member);
        }
    }
    template <class T>
    void nested(const char* outer, const char* name, T& member) {
        Writer inner;
        inner(name, member);
        if (!inner.object.empty()) object[outer] = std::move(inner.object);
    }
    template <class T>
    void always(const char* name, T& member) {
        object[name] = written(member);
    }
    void unsupported(const char*) {}

 private:
    template <class T>
    static Json written(T& value) {
        if constexpr (IsVector<T>::value) {
            Json array = Json::array();
            for (auto& item : value) array.push_back(written(item));
            return array;
        } else if constexpr (std::is_same_v<T, std::string> || std::is_arithmetic_v<T> ||
                             std::is_same_v<T, Strings>) {
            return Json(value);
        } else if constexpr (IsMap<T>::value) {
            Json object = Json::object();
            for (auto& [key, item] : value) object[key] = written(item);
            return object;
        } else {
            Writer inner;
            fields(inner, value);
            return std::move(inner.object);
        }
    }
};

template <class Pass>
void fields(Pass& pass, Box& box) {
    pass.always("height", box.height);
    pass.always("width", box.width);
}

template <class Pass>
void fields(Pass& pass, User& user) {
    pass.always("uid", user.uid);
    pass.always("gid", user.gid);
    pass("umask", user.umask);
    pass("additionalGids", user.additional_gids);
}

template <class Pass>
void fields(Pass& pass, Rlimit& limit) {
    pass.always("type", limit.type);
    pass.always("soft", limit.soft);
    pass.always("hard", limit.hard);
}

template <class Pass>
void fields(Pass& pass, Capabilities& sets) {
    pass("bounding", sets.bounding);
    pass("effective", sets.effective);
    pass("inheritable", sets.inheritable);
    pass("permitted", sets.permitted);
    pass("ambient", sets.ambient);
}

template <class Pass>
void fields(Pass& pass, Scheduler& scheduler) {
    pass.always("policy", scheduler.policy);
    pass("nice", scheduler.nice);
    pass("priority", scheduler.priority);
    pass("flags", scheduler.flags);
    pass("runtime", scheduler.runtime);
    pass("deadline", scheduler.deadline);
    pass("period", scheduler.period);
}

template <class Pass>
void fields(Pass& pass, IoPriority& priority) {
    pass.always("class", priority.io_class);
    pass.always("priority", priority.priority);
}

template <class Pass>
void fields(Pass& pass, CpuAffinity& affinity) {
    pass("initial", affinity.initial);
    pass("final", affinity.final_);
}

template <class Pass>
void fields(Pass& pass, Process& process) {
    pass("terminal", process.terminal);
    pass("consoleSize", process.console_size);
    pass.always("user", process.user);
    pass("args", process.args);
    pass("env", process.env);
    pass.always("cwd", process.cwd);
    pass("capabilities", process.capabilities);
    pass("rlimits", process.rlimits);
    pass("noNewPrivileges", process.no_new_privileges);
    pass("apparmorProfile", process.apparmor_profile);
    pass("selinuxLabel", process.selinux_label);
    pass("oomScoreAdj", process.oom_score_adj);
    pass("scheduler", process.scheduler);
    pass("ioPriority", process.io_priority);
    pass("execCPUAffinity", process.exec_cpu_affinity);
}

template <class Pass>
void fields(Pass& pass, Root& root) {
    pass.always("path", root.path);
    pass("readonly", root.readonly);
}

template <class Pass>
void fields(Pass& pass, IdMapping& mapping) {
    pass.always("containerID", mapping.container_id);
    pass.always("hostID", mapping.host_id);
    pass.always("size", mapping.size);
}

template <class Pass>
void fields(Pass& pass, SpecMount& mount) {
    pass.always("destination", mount.destination);
    pass("type", mount.type);
    pass("source", mount.source);
    pass("options", mount.options);
    pass("uidMappings", mount.uid_mappings);
    pass("gidMappings", mount.gid_mappings);
}

template <class Pass>
void fields(Pass& pass, Hook& hook) {
    pass.always("path", hook.path);
    pass("args", hook.args);
    pass("env", hook.env);
    pass("timeout", hook.timeout);
}

template <class Pass>
void fields(Pass& pass, Hooks& hooks) {
    pass("prestart", hooks.prestart);
    pass("createRuntime", hooks.create_runtime);
    pass("createContainer", hooks.create_container);
    pass("startContainer", hooks.start_container);
    pass("poststart", hooks.poststart);
    pass("poststop", hooks.poststop);
}

template <class Pass>
void fields(Pass& pass, Namespace& space) {
    pass.always("type", space.type);
    pass("path", space.path);
}

template <class Pass>
void fields(Pass& pass, Device& device) {
    pass.always("path", device.path);
    pass.always("type", device.type);
    pass.always("major", device.major);
    pass.always("minor", device.minor);
    pass("fileMode", device.file_mode);
    pass("uid", device.uid);
    pass("gid", device.gid);
}

template <class Pass>
void fields(Pass& pass, DeviceRule& rule) {
    pass.always("allow", rule.allow);
    pass("type", rule.type);
    pass("major", rule.major);
    pass("minor", rule.minor);
    pass("access", rule.access);
}

template <class Pass>
void fields(Pass& pass, MemoryResources& memory) {
    pass("limit", memory.limit);
    pass("reservation", memory.reservation);
    pass("swap", memory.swap);
    pass("kernel", memory.kernel);
    pass("kernelTCP", memory.kernel_tcp);
    pass("swappiness", memory.swappiness);
    pass("disableOOMKiller", memory.disable_oom_killer);
    pass("useHierarchy", memory.use_hierarchy);
    pass("checkBeforeUpdate", memory.check_before_update);
}

template <class Pass>
void fields(Pass& pass, CpuResources& cpu) {
    pass("shares", cpu.shares);
    pass("quota", cpu.quota);
    pass("burst", cpu.burst);
    pass("period", cpu.period);
    pass("realtimeRuntime", cpu.realtime_runtime);
    pass("realtimePeriod", cpu.realtime_period);
    pass("cpus", cpu.cpus);
    pass("mems", cpu.mems);
    pass("idle", cpu.idle);
}

template <class Pass>
void fields(Pass& pass, WeightDevice& device) {
    pass.always("major", device.major);
    pass.always("minor", device.minor);
    pass("weight", device.weight);
    pass("leafWeight", device.leaf_weight);
}

template <class Pass>
void fields(Pass& pass, ThrottleDevice& device) {
    pass.always("major", device.major);
    pass.always("minor", device.minor);
    pass.always("rate", device.rate);
}

template <class Pass>
void fields(Pass& pass, BlockIoResources& io) {
    pass("weight", io.weight);
    pass("leafWeight", io.leaf_weight);
    pass("weightDevice", io.weight_devices);
    pass("throttleReadBpsDevice", io.throttle_read_bps);
    pass("throttleWriteBpsDevice", io.throttle_write_bps);
    pass("throttleReadIOPSDevice", io.throttle_read_iops);
    pass("throttleWriteIOPSDevice", io.throttle_write_iops);
}

template <class Pass>
void fields(Pass& pass, HugepageLimit& limit) {
    pass.always("pageSize", limit.page_size);
    pass.always("limit", limit.limit);
}

template <class Pass>
void fields(Pass& pass, InterfacePriority& priority) {
    pass.always("name", priority.name);
    pass.always("priority", priority.priority);
}

template <class Pass>
void fields(Pass& pass, NetworkResources& network) {
    pass("classID", network.class_id);
    pass("priorities", network.priorities);
}

template <class Pass>
void fields(Pass& pass, RdmaLimit& limit) {
    pass("hcaHandles", limit.handles);
    pass("hcaObjects", limit.objects);
}

template <class Pass>
void fields(Pass& pass, Resources& resources) {
    pass("devices", resources.devices);
    pass("memory", resources.memory);
    pass("cpu", resources.cpu);
    pass.nested("pids", "limit", resources.pids_limit);
    pass("blockIO", resources.block_io);
    pass("hugepageLimits", resources.hugepage_limits);
    pass("unified", resources.unified);
    pass("network", resources.network);
    pass("rdma", resources.rdma);
}

template <class Pass>
void fields(Pass& pass, SeccompArg& arg) {
    pass.always("index", arg.index);
    pass.always("value", arg.value);
    pass("valueTwo", arg.value_two);
    pass.always("op", arg.op);
}

template <class Pass>
void fields(Pass& pass, SeccompRule& rule) {
    pass.always("names", rule.names);
    pass.always("action", rule.action);
    pass("errnoRet", rule.errno_ret);
    pass("args", rule.args);
}

template <class Pass>
void fields(Pass& pass, Seccomp& seccomp) {
    pass.always("defaultAction", seccomp.default_action);
    pass("defaultErrnoRet", seccomp.default_errno_ret);
    pass("architectures", seccomp.architectures);
    pass("flags", seccomp.flags);
    pass("listenerPath", seccomp.listener_path);
    pass("listenerMetadata", seccomp.listener_metadata);
    pass("syscalls", seccomp.syscalls);
}

template <class Pass>
void fields(Pass& pass, Personality& personality) {
    pass.always("domain", personality.domain);
    pass("flags", personality.flags);
}

template <class Pass>
void fields(Pass& pass, TimeOffset& offset) {
    pass("secs", offset.secs);
    pass("nanosecs", offset.nanosecs);
}

template <class Pass>
void fields(Pass& pass, MemoryPolicy& policy) {
    pass.always("mode", policy.mode);
    pass("nodes", policy.nodes);
    pass("flags", policy.flags);
}

template <class Pass>
void fields(Pass& pass, NetDevice& device) {
    pass("name", device.name);
}

template <class Pass>
void fields(Pass& pass, Linux& linux_part) {
    pass("uidMappings", linux_part.uid_mappings);
    pass("gidMappings", linux_part.gid_mappings);
    pass("sysctl", linux_part.sysctl);
    pass("resources", linux_part.resources);
    pass("cgroupsPath", linux_part.cgroups_path);
    pass("namespaces", linux_part.namespaces);
    pass("devices", linux_part.devices);
    pass("seccomp", linux_part.seccomp);
    pass("rootfsPropagation", linux_part.rootfs_propagation);
    pass("maskedPaths", linux_part.masked_paths);
    pass("readonlyPaths", linux_part.readonly_paths);
    pass("mountLabel", linux_part.mount_label);
    pass("personality", linux_part.personality);
    pass("timeOffsets", linux_part.time_offsets);
    pass("memoryPolicy", linux_part.memory_policy);
    pass.unsupported("intelRdt");
    pass("netDevices", linux_part.net_devices);
}

template <class Pass>
void fields(Pass& pass, RuntimeSpec& spec) {
    pass.always("ociVersion", spec.oci_version);
    pass("process", spec.process);
    pass.always("root", spec.root);
    pass("hostname", spec.hostname);
    pass("domainname", spec.domainname);
    pass("mounts", spec.mounts);
    pass("hooks", spec.hooks);
    pass("annotations", spec.annotations);
    pass("linux", spec.linux_);
}

template <class T>
Result<T> parse(std::string_view text) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) return fail(ErrorKind::kInvalidArgument, "not a JSON document");
    Error error;
    T out;
    Reader reader(json, "", error);
    fields(reader, out);
    if (!error.message.empty()) return Failure(std::move(error));
    return out;
}

template <class T>
std::string rendered(T value, int indent = -1) {
    Writer writer;
    fields(writer, value);
    return writer.object.dump(indent, '\t', false, Json::error_handler_t::replace);
}

}  // namespace

Result<RuntimeSpec> parse_runtime_spec(std::string_view json) {
    return parse<RuntimeSpec>(json);
}
Result<Process> parse_process(std::string_view json) {
    return parse<Process>(json);
}
Result<Resources> parse_resources(std::string_view json) {
    return parse<Resources>(json);
}
Result<Hooks> parse_hooks(std::string_view json) {
    return parse<Hooks>(json);
}

std::string render(const RuntimeSpec& spec) {
    return rendered(spec);
}
std::string render(const Process& process) {
    return rendered(process);
}
std::string render(const Seccomp& seccomp) {
    return rendered(seccomp);
}
std::string render(const Resources& resources) {
    return rendered(resources);
}
std::string render(const Hooks& hooks) {
    return rendered(hooks);
}
std::string render_readable(const RuntimeSpec& spec) {
    return rendered(spec, 1);
}

}  // namespace berth::oci
