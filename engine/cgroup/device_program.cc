#include "engine/cgroup/device_program.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "engine/base/files.h"

namespace berth::cgroup {

namespace {

// Registers: 2 type, 3 access, 4 major, 5 minor, of struct bpf_cgroup_dev_ctx {access_type, major, minor}.
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
// Skips `offset` instructions unless the register has the value; set later, when the length is known.
bpf_insn unless_equal(std::uint8_t reg, std::int32_t value) {
    return insn(BPF_JMP | BPF_JNE | BPF_K, reg, 0, 0, value);
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

// One rule: tests that jump over its answer, then the answer. Returns whether it answers for every device, so
// that nothing behind it is ever reached (which the kernel's verifier refuses).
Result<bool> add_rule(const oci::DeviceRule& rule, std::vector<bpf_insn>& program) {
    std::vector<bpf_insn> block;
    if (rule.type == "c" || rule.type == "b") {
        block.push_back(unless_equal(kType, rule.type == "c" ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK));
    } else if (!rule.type.empty() && rule.type != "a") {
        return fail(ErrorKind::kInvalidArgument, "invalid device type: " + rule.type);
    }
    BERTH_TRY(std::int32_t bits, access_bits(rule.access));
    constexpr std::int32_t kAll = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
    if (bits != kAll) {
        // An allowing rule must cover all that is asked; a denying one applies to any of it.
        block.push_back(insn(BPF_ALU | BPF_MOV | BPF_X, 0, kAccess, 0, 0));
        block.push_back(insn(BPF_ALU | BPF_AND | BPF_K, 0, 0, 0, rule.allow ? ~bits & kAll : bits));
        block.push_back(
            insn(static_cast<std::uint8_t>(BPF_JMP | (rule.allow ? BPF_JNE : BPF_JEQ) | BPF_K), 0, 0, 0, 0));
    }
    if (rule.major && *rule.major >= 0)
        block.push_back(unless_equal(kMajor, static_cast<std::int32_t>(*rule.major)));
    if (rule.minor && *rule.minor >= 0)
        block.push_back(unless_equal(kMinor, static_cast<std::int32_t>(*rule.minor)));
    block.push_back(answer(rule.allow));
    block.push_back(leave());
    for (std::size_t i = 0; i < block.size(); ++i) {
        bool jump = (block[i].code & 7) == BPF_JMP && block[i].code != (BPF_JMP | BPF_EXIT);
        if (jump) block[i].off = static_cast<std::int16_t>(block.size() - i - 1);
    }
    program.insert(program.end(), block.begin(), block.end());
    return block.size() == 2;
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
    static constexpr char kLicense[] = "Apache-2.0";
    bpf_attr attr{};
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = reinterpret_cast<std::uint64_t>(program.data());
    attr.insn_cnt = static_cast<std::uint32_t>(program.size());
    attr.license = reinterpret_cast<std::uint64_t>(kLicense);
    UniqueFd loaded(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr)));
    if (!loaded) return fail_errno("load the device program");
    bpf_attr attach{};
    attach.target_fd = static_cast<std::uint32_t>(cgroup.get());
    attach.attach_bpf_fd = static_cast<std::uint32_t>(loaded.get());
    attach.attach_type = BPF_CGROUP_DEVICE;
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) != 0)
        return fail_errno("attach the device program");
    return {};
}

}  // namespace berth::cgroup
