#include "engine/cgroup/device_program.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "engine/base/files.h"

namespace berth::cgroup {

namespace {

// Registers: 2 type, 3 accesses not allowed yet, 4 major, 5 minor, of struct bpf_cgroup_dev_ctx {access_type,
// major, minor}.
constexpr std::uint8_t kType = 2, kAccess = 3, kMajor = 4, kMinor = 5;

bpf_insn insn(std::uint8_t code, std::uint8_t to, std::uint8_t from, std::int16_t offset,
              std::int32_t immediate) {
    return {code, to, from, offset, immediate};
}
bpf_insn load(std::uint8_t to, std::int16_t offset) {
    return insn(BPF_LDX | BPF_MEM | BPF_W, to, 1, offset, 0);
}
bpf_insn answer(bool yes) {
    return insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, yes ? 1 : 0);
}
bpf_insn leave() {
    return insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}
// Both jump over the rest of their rule; how far is set later, when the length is known.
bpf_insn unless_equal(std::uint8_t reg, std::int32_t value) {
    return insn(BPF_JMP | BPF_JNE | BPF_K, reg, 0, 0, value);
}
bpf_insn if_equal(std::uint8_t reg, std::int32_t value) {
    return insn(BPF_JMP | BPF_JEQ | BPF_K, reg, 0, 0, value);
}

Result<std::int32_t> access_bits(const std::string& access) {
    std::int32_t bits = 0;
    for (char c : access.empty() ? std::string("rwm") : access) {
        if (c == 'r')
            bits |= BPF_DEVCG_ACC_READ;
        else if (c == 'w')
            bits |= BPF_DEVCG_ACC_WRITE;
        else if (c == 'm')
            bits |= BPF_DEVCG_ACC_MKNOD;
        else
            return fail(ErrorKind::kInvalidArgument, "invalid device access: " + access);
    }
    return bits;
}

// One rule: tests that jump over its answer, then the answer. Each access is decided by the last rule that
// names it, so that "r" and "w" of two rules make "rw": an allowing rule strikes its accesses off what is
// asked and answers once nothing is left; a denying one answers if it has any of the rest. Returns whether
// the rule answers for every device, so that nothing behind it is ever reached (which the kernel's verifier
// refuses).
Result<bool> add_rule(const oci::DeviceRule& rule, std::vector<bpf_insn>& program) {
    std::vector<bpf_insn> block;
    if (rule.type == "c" || rule.type == "b") {
        block.push_back(unless_equal(kType, rule.type == "c" ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK));
    } else if (!rule.type.empty() && rule.type != "a") {
        return fail(ErrorKind::kInvalidArgument, "invalid device type: " + rule.type);
    }
    if (rule.major && *rule.major >= 0)
        block.push_back(unless_equal(kMajor, static_cast<std::int32_t>(*rule.major)));
    if (rule.minor && *rule.minor >= 0)
        block.push_back(unless_equal(kMinor, static_cast<std::int32_t>(*rule.minor)));
    BERTH_TRY(std::int32_t bits, access_bits(rule.access));
    constexpr std::int32_t kAll = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
    if (bits != kAll && rule.allow) {
        block.push_back(insn(BPF_ALU | BPF_AND | BPF_K, kAccess, 0, 0, ~bits & kAll));
        block.push_back(unless_equal(kAccess, 0));
    } else if (bits != kAll) {
        block.push_back(insn(BPF_ALU | BPF_MOV | BPF_X, 0, kAccess, 0, 0));
        block.push_back(insn(BPF_ALU | BPF_AND | BPF_K, 0, 0, 0, bits));
        block.push_back(if_equal(0, 0));
    }
    block.push_back(answer(rule.allow));
    block.push_back(leave());
    for (std::size_t i = 0; i < block.size(); ++i) {
        bool jump = (block[i].code & 7) == BPF_JMP && block[i].code != (BPF_JMP | BPF_EXIT);
        if (jump) block[i].off = static_cast<std::int16_t>(block.size() - i - 1);
    }
    program.insert(program.end(), block.begin(), block.end());
    return block.size() == 2;
}

int bpf(int command, bpf_attr& attr) {
    return static_cast<int>(::syscall(SYS_bpf, command, &attr, sizeof attr));
}

Result<UniqueFd> load_program(const std::vector<bpf_insn>& program) {
    static constexpr char kLicense[] = "Apache-2.0";
    bpf_attr attr{};
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = reinterpret_cast<std::uint64_t>(program.data());
    attr.insn_cnt = static_cast<std::uint32_t>(program.size());
    attr.license = reinterpret_cast<std::uint64_t>(kLicense);
    UniqueFd loaded(bpf(BPF_PROG_LOAD, attr));
    // Before 5.11 programs count as locked memory of the user.
    rlimit before{};
    if (!loaded && errno == EPERM && ::getrlimit(RLIMIT_MEMLOCK, &before) == 0) {
        rlimit endless{RLIM_INFINITY, RLIM_INFINITY};
        if (::setrlimit(RLIMIT_MEMLOCK, &endless) == 0) {
            loaded.reset(bpf(BPF_PROG_LOAD, attr));
            int reason = errno;
            ::setrlimit(RLIMIT_MEMLOCK, &before);
            errno = reason;
        } else {
            errno = EPERM;
        }
    }
    if (!loaded) return fail_errno("load the device program");
    return loaded;
}

// Those attached to the cgroup itself.
std::vector<UniqueFd> attached_programs(int cgroup) {
    std::uint32_t ids[64] = {};
    bpf_attr query{};
    query.query.target_fd = static_cast<std::uint32_t>(cgroup);
    query.query.attach_type = BPF_CGROUP_DEVICE;
    query.query.prog_ids = reinterpret_cast<std::uint64_t>(ids);
    query.query.prog_cnt = 64;
    std::vector<UniqueFd> out;
    if (bpf(BPF_PROG_QUERY, query) != 0) return out;
    for (std::uint32_t i = 0; i < query.query.prog_cnt; ++i) {
        bpf_attr get{};
        get.prog_id = ids[i];
        if (UniqueFd program(bpf(BPF_PROG_GET_FD_BY_ID, get)); program) out.push_back(std::move(program));
    }
    return out;
}

}  // namespace

Result<std::vector<bpf_insn>> device_program(const std::vector<oci::DeviceRule>& rules) {
    std::vector<bpf_insn> program = {
        load(kType, offsetof(bpf_cgroup_dev_ctx, access_type)),
        insn(BPF_ALU | BPF_AND | BPF_K, kType, 0, 0, 0xFFFF),
        load(kAccess, offsetof(bpf_cgroup_dev_ctx, access_type)),
        insn(BPF_ALU | BPF_RSH | BPF_K, kAccess, 0, 0, 16),
        load(kMajor, offsetof(bpf_cgroup_dev_ctx, major)),
        load(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)),
    };
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
        BERTH_TRY(bool final, add_rule(*rule, program));
        if (final) return program;
    }
    program.push_back(answer(false));
    program.push_back(leave());
    return program;
}

Result<> attach_device_program(const std::string& folder, const std::vector<oci::DeviceRule>& rules) {
    BERTH_TRY(std::vector<bpf_insn> program, device_program(rules));
    BERTH_TRY(UniqueFd cgroup, open_file(folder, O_RDONLY | O_DIRECTORY));
    BERTH_TRY(UniqueFd loaded, load_program(program));
    std::vector<UniqueFd> old = attached_programs(cgroup.get());
    bpf_attr attach{};
    attach.target_fd = static_cast<std::uint32_t>(cgroup.get());
    attach.attach_bpf_fd = static_cast<std::uint32_t>(loaded.get());
    attach.attach_type = BPF_CGROUP_DEVICE;
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    if (old.size() == 1) {
        // In one step, so that at no moment both or none decide.
        attach.attach_flags |= BPF_F_REPLACE;
        attach.replace_bpf_fd = static_cast<std::uint32_t>(old.front().get());
    }
    if (bpf(BPF_PROG_ATTACH, attach) == 0) {
        if (old.size() == 1) return {};
    } else if (old.size() == 1 && errno == EINVAL) {  // before 5.6
        attach.attach_flags = BPF_F_ALLOW_MULTI;
        attach.replace_bpf_fd = 0;
        if (bpf(BPF_PROG_ATTACH, attach) != 0) return fail_errno("attach the device program");
    } else {
        return fail_errno("attach the device program");
    }
    for (const UniqueFd& other : old) {
        bpf_attr detach{};
        detach.target_fd = attach.target_fd;
        detach.attach_bpf_fd = static_cast<std::uint32_t>(other.get());
        detach.attach_type = BPF_CGROUP_DEVICE;
        if (bpf(BPF_PROG_DETACH, detach) != 0) return fail_errno("detach the old device program");
    }
    return {};
}

}  // namespace berth::cgroup
