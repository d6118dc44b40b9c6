#include "engine/executor/seccomp_filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <memory>

#include "engine/base/digest.h"
#include "engine/base/files.h"
#include "engine/oci/json_member.h"

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

Result<std::uint32_t> action_of(const std::string& name, std::uint32_t error) {
    if (name == "SCMP_ACT_ALLOW") return std::uint32_t{SCMP_ACT_ALLOW};
    if (name == "SCMP_ACT_ERRNO") return std::uint32_t{SCMP_ACT_ERRNO(error)};
    if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return std::uint32_t{SCMP_ACT_KILL_THREAD};
    if (name == "SCMP_ACT_KILL_PROCESS") return std::uint32_t{SCMP_ACT_KILL_PROCESS};
    if (name == "SCMP_ACT_TRAP") return std::uint32_t{SCMP_ACT_TRAP};
    if (name == "SCMP_ACT_TRACE") return std::uint32_t{SCMP_ACT_TRACE(error)};
    if (name == "SCMP_ACT_LOG") return std::uint32_t{SCMP_ACT_LOG};
    if (name == "SCMP_ACT_NOTIFY") return std::uint32_t{SCMP_ACT_NOTIFY};
    return bad("seccomp: unknown action " + name);
}

Result<std::uint32_t> architecture_of(const std::string& name) {
    static const std::map<std::string_view, std::uint32_t> known = {
        {"SCMP_ARCH_X86", SCMP_ARCH_X86},
        {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
        {"SCMP_ARCH_X32", SCMP_ARCH_X32},
        {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
        {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
        {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
        {"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
        {"SCMP_ARCH_S390", SCMP_ARCH_S390},
        {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
        {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
        {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
        {"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
        {"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
        {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
        {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
        {"SCMP_ARCH_PPC", SCMP_ARCH_PPC},
        {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
        {"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
        {"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64}};
    auto found = known.find(name);
    if (found == known.end()) return bad("seccomp: unknown architecture " + name);
    return found->second;
}

Result<scmp_compare> operator_of(const std::string& name) {
    static const std::map<std::string_view, scmp_compare> known = {
        {"SCMP_CMP_NE", SCMP_CMP_NE},
        {"SCMP_CMP_LT", SCMP_CMP_LT},
        {"SCMP_CMP_LE", SCMP_CMP_LE},
        {"SCMP_CMP_EQ", SCMP_CMP_EQ},
        {"SCMP_CMP_GE", SCMP_CMP_GE},
        {"SCMP_CMP_GT", SCMP_CMP_GT},
        {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};
    auto found = known.find(name);
    if (found == known.end()) return bad("seccomp: unknown operator " + name);
    return found->second;
}

struct Release {
    void operator()(void* context) const { ::seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

// Rules of one call with several conditions on one argument are alternatives, as runc has them.
Result<> add_rule(scmp_filter_ctx context, std::uint32_t action, int number, const std::string& name,
                  const oci::SeccompRule& rule) {
    std::vector<scmp_arg_cmp> all;
    bool repeated = false;
    std::uint32_t seen = 0;
    for (const oci::SeccompArg& arg : rule.args) {
        if (arg.index > 5) return bad("seccomp: no argument " + std::to_string(arg.index) + " of " + name);
        BERTH_TRY(scmp_compare compare, operator_of(arg.op));
        all.push_back({arg.index, compare, arg.value, arg.value_two});
        repeated = repeated || (seen >> arg.index & 1) != 0;
        seen |= 1U << arg.index;
    }
    int failed = 0;
    if (repeated) {
        for (const scmp_arg_cmp& one : all) {
            if (failed == 0) failed = ::seccomp_rule_add_array(context, action, number, 1, &one);
        }
    } else {
        failed =
            ::seccomp_rule_add_array(context, action, number, static_cast<unsigned>(all.size()), all.data());
    }
    if (failed != 0 && failed != -EEXIST) return fail_errno("seccomp: rule for " + name, -failed);
    return {};
}

Result<Context> build(const oci::Seccomp& seccomp) {
    BERTH_TRY(std::uint32_t otherwise,
              action_of(seccomp.default_action, seccomp.default_errno_ret.value_or(EPERM)));
    Context context(::seccomp_init(otherwise));
    if (!context) return fail(ErrorKind::kInternal, "seccomp: cannot make a filter");
    for (const std::string& name : seccomp.architectures) {
        BERTH_TRY(std::uint32_t architecture, architecture_of(name));
        int added = ::seccomp_arch_add(context.get(), architecture);
        if (added != 0 && added != -EEXIST) return fail_errno("seccomp: architecture " + name, -added);
    }
    // no_new_privs is the spec's to say, not the filter's.
    ::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_NNP, 0);
    ::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (const oci::SeccompRule& rule : seccomp.syscalls) {
        BERTH_TRY(std::uint32_t action, action_of(rule.action, rule.errno_ret.value_or(EPERM)));
        if (action == otherwise) continue;
        for (const std::string& name : rule.names) {
            int number = ::seccomp_syscall_resolve_name(name.c_str());
            // A call that this libseccomp does not know cannot be named in a filter.
            if (number != __NR_SCMP_ERROR) BERTH_CHECK(add_rule(context.get(), action, number, name, rule));
        }
    }
    return context;
}

#if defined(__x86_64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64;
#endif

// The highest call that libseccomp knows on this machine: what is above is newer than the profile.
int last_known_call() {
    int last = 0;
    for (int number = 0; number < 1024; ++number) {
        char* name = ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
        if (name != nullptr) last = number;
        ::free(name);
    }
    return last;
}

// In front of the filter: newer calls give ENOSYS. Only where the default refuses with an errno; a default
// that allows or kills is meant for all.
void add_enosys(const oci::Seccomp& seccomp, std::vector<sock_filter>& program) {
    if (seccomp.default_action != "SCMP_ACT_ERRNO") return;
    auto last = static_cast<std::uint32_t>(last_known_call());
    std::vector<sock_filter> front = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNative, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        // x32's numbers have a bit of their own.
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };
    program.insert(program.begin(), front.begin(), front.end());
}

Result<std::vector<sock_filter>> compile(const oci::Seccomp& seccomp) {
    BERTH_TRY(Context context, build(seccomp));
    UniqueFd memory(::memfd_create("filter", MFD_CLOEXEC));
    if (!memory) return fail_errno("memfd");
    int exported = ::seccomp_export_bpf(context.get(), memory.get());
    if (exported != 0) return fail_errno("seccomp: export", -exported);
    if (::lseek(memory.get(), 0, SEEK_SET) < 0) return fail_errno("seek");
    BERTH_TRY(std::string bytes, read_all(memory.get()));
    std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
    std::memcpy(program.data(), bytes.data(), program.size() * sizeof(sock_filter));
    add_enosys(seccomp, program);
    return program;
}

Result<unsigned> flags_of(const oci::Seccomp& seccomp) {
    // As runc has it: without a word about them a filter is no reason to forgo speculation.
    if (!seccomp.flags) return unsigned{SECCOMP_FILTER_FLAG_SPEC_ALLOW};
    unsigned flags = 0;
    for (const std::string& name : *seccomp.flags) {
        if (name == "SECCOMP_FILTER_FLAG_LOG")
            flags |= SECCOMP_FILTER_FLAG_LOG;
        else if (name == "SECCOMP_FILTER_FLAG_SPEC_ALLOW")
            flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
        else if (name == "SECCOMP_FILTER_FLAG_TSYNC")
            flags |= 0;  // there is one thread only
        else if (name == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")
            flags |= 1U << 5;  // Linux 5.19
        else
            return bad("seccomp: unknown flag " + name);
    }
    return flags;
}

// Whether anything notifies. init writes to its runtime under the filter, before anybody listens.
Result<bool> check_notify(const oci::Seccomp& seccomp) {
    if (seccomp.default_action == "SCMP_ACT_NOTIFY")
        return bad("SCMP_ACT_NOTIFY cannot be used as default action");
    bool notifies = false;
    for (const oci::SeccompRule& rule : seccomp.syscalls) {
        if (rule.action != "SCMP_ACT_NOTIFY") continue;
        notifies = true;
        for (const std::string& name : rule.names) {
            if (name == "write") return bad("SCMP_ACT_NOTIFY cannot be used for the write syscall");
        }
    }
    if (notifies && seccomp.listener_path.empty())
        return bad("seccomp listenerPath is not set, but SCMP_ACT_NOTIFY is used");
    return notifies;
}

std::string cache_key(std::string_view section) {
    utsname host{};
    ::uname(&host);
    const scmp_version* version = ::seccomp_version();
    std::string text = std::string(section) + "\n" + host.release + "\n" + host.machine + "\n" +
                       std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                       std::to_string(version->micro) + "\n3";
    return std::string(sha256(text).hex());
}

// In front of a program that is kept: no instruction, but the flags to load it with.
constexpr unsigned short kHead = 0xffff;

// The program without its head; the flags with it. A listener's address is in the section alone.
std::optional<Filter> read_kept(const std::string& path) {
    auto bytes = read_file(path, 1 << 20);
    if (!bytes || bytes->size() < 2 * sizeof(sock_filter) || bytes->size() % sizeof(sock_filter) != 0)
        return {};
    sock_filter head{};
    std::memcpy(&head, bytes->data(), sizeof head);
    if (head.code != kHead) return {};
    Filter filter;
    filter.flags = head.k;
    filter.program.resize(bytes->size() / sizeof(sock_filter) - 1);
    std::memcpy(filter.program.data(), bytes->data() + sizeof head, bytes->size() - sizeof head);
    return filter;
}

void keep(const std::string& folder, const std::string& key, const Filter& filter) {
    std::vector<sock_filter> kept = {{kHead, 0, 0, filter.flags}};
    kept.insert(kept.end(), filter.program.begin(), filter.program.end());
    std::string_view bytes(reinterpret_cast<const char*>(kept.data()), kept.size() * sizeof(sock_filter));
    // Without the cache the next start is slower, nothing else.
    if (make_folders(folder, 0700))
        (void)replace_file(folder + "/" + key, bytes, 0600, Sync::kNone).has_value();
}

bool notifies(const Filter& filter) {
    return (filter.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
}

}  // namespace

Result<oci::RuntimeSpec> FilterCache::parse(std::string_view config) {
    key_.clear();
    kept_.reset();
    auto section = oci::find_json_member(config, "linux");
    if (section) {
        auto inner =
            oci::find_json_member(config.substr(section->begin, section->end - section->begin), "seccomp");
        section =
            inner ? std::optional(oci::JsonPart{section->begin + inner->begin, section->begin + inner->end})
                  : std::nullopt;
    }
    if (!section) return oci::parse_runtime_spec(config);
    key_ = cache_key(config.substr(section->begin, section->end - section->begin));
    kept_ = read_kept(folder_ + "/" + key_);
    if (kept_ && notifies(*kept_)) kept_.reset();
    if (!kept_) return oci::parse_runtime_spec(config);
    return oci::parse_runtime_spec(std::string(config.substr(0, section->begin)) + "null" +
                                   std::string(config.substr(section->end)));
}

Result<std::optional<Filter>> FilterCache::filter(const oci::RuntimeSpec& spec) {
    if (kept_) return kept_;
    if (!spec.linux_.seccomp) return std::optional<Filter>();
    const oci::Seccomp& seccomp = *spec.linux_.seccomp;
    Filter filter;
    BERTH_TRY(filter.flags, flags_of(seccomp));
    BERTH_TRY(bool asks, check_notify(seccomp));
    if (asks) {
        filter.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
        filter.listener_path = seccomp.listener_path;
        filter.listener_metadata = seccomp.listener_metadata;
    }
    if (key_.empty()) key_ = cache_key(oci::render(seccomp));
    if (auto before = read_kept(folder_ + "/" + key_)) {
        filter.program = std::move(before->program);
    } else {
        BERTH_TRY(filter.program, compile(seccomp));
        keep(folder_, key_, filter);
    }
    return std::optional(std::move(filter));
}

Result<UniqueFd> install_filter(const Filter& filter) {
    sock_fprog program{static_cast<unsigned short>(filter.program.size()),
                       const_cast<sock_filter*>(filter.program.data())};
    long loaded = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter.flags, &program);
    if (loaded < 0) return fail_errno("seccomp: load the filter");
    return UniqueFd(notifies(filter) ? static_cast<int>(loaded) : -1);
}

}  // namespace berth::executor
