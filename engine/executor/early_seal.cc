// The way of self_seal.cc through an overlay, taken before the C library starts: a container's process is to
// come from a program that cannot be written to, so the program is executed twice, and the first time need
// not pay for a start of its own (in a virtual machine 0.15 ms, most of it CPUID, of the 2.5 ms that `run`
// takes). Whatever is not plain is left to self_seal.cc, which checks in any case.
//
// Runs on the bare stack that the kernel gives, in a program whose addresses are not relocated yet: system
// calls and the stack alone, nothing of any library, no table of addresses.
#ifndef __clang__
// No loop is to become a call of memset().
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
asm(R"(
    .globl berth_start
    .type berth_start, @function
berth_start:
    endbr64
    mov %rsp, %rdi
    sub $8, %rsp
    push %rdx
    call berth_early_seal
    pop %rdx
    add $8, %rsp
    jmp _start
    .size berth_start, .-berth_start
)");
#elif defined(__aarch64__)
asm(R"(
    .globl berth_start
    .type berth_start, %function
berth_start:
    mov x29, #0
    stp x0, x30, [sp, #-16]!
    add x0, sp, #16
    bl berth_early_seal
    ldp x0, x30, [sp], #16
    b _start
    .size berth_start, .-berth_start
)");
#endif

namespace {

long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
#if defined(__x86_64__)
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    long result = number;
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                 : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#endif
}

template <class T>
long address(T* pointer) {
    return reinterpret_cast<long>(pointer);
}

bool starts(const char* text, const char* with) {
    while (*with != '\0') {
        if (*text++ != *with++) return false;
    }
    return true;
}

bool same(const char* a, const char* b) {
    while (*a != '\0' && *a == *b) ++a, ++b;
    return *a == *b;
}

char* append(char* at, const char* text) {
    while (*text != '\0') *at++ = *text++;
    *at = '\0';
    return at;
}

char* append_number(char* at, long number) {
    char digits[20];
    int count = 0;
    do digits[count++] = static_cast<char>('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0) *at++ = digits[--count];
    *at = '\0';
    return at;
}

constexpr long kPathMost = 4000;

// "/usr/bin:/etc": the program's folder, and any other that is neither above nor below. 0 if the path is not
// plain; else where the program's name begins.
long lower_folders(const char* program, long length, char* out) {
    long slash = 0;
    for (long i = 0; i < length; ++i) {
        if (program[i] == ':' || program[i] == '\\') return 0;
        if (program[i] == '/') slash = i;
    }
    // Neither the root's own folder, nor below either of the two.
    if (slash == 0 || starts(program, "/etc/")) return 0;
    char* at = out;
    for (long i = 0; i < slash; ++i) *at++ = program[i];
    append(at, ":/etc");
    return slash + 1;
}

// Descriptors of the program as seen through the overlay, and of the overlay; less than 0 if there is none.
struct Seen {
    long program = -1, overlay = -1;
};

Seen through_overlay() {
    char program[kPathMost + 1], folders[kPathMost + 8];
    long length = call(SYS_readlinkat, AT_FDCWD, address("/proc/self/exe"), address(program), kPathMost);
    if (length <= 0 || length == kPathMost) return {};
    program[length] = '\0';
    long name = lower_folders(program, length, folders);
    if (name == 0) return {};
    long context = call(SYS_fsopen, address("overlay"), FSOPEN_CLOEXEC);
    if (context < 0) return {};
    Seen seen;
    bool made =
        call(SYS_fsconfig, context, FSCONFIG_SET_STRING, address("lowerdir"), address(folders), 0) == 0;
    if (made) (void)call(SYS_fsconfig, context, FSCONFIG_SET_STRING, address("xino"), address("off"), 0);
    made = made && call(SYS_fsconfig, context, FSCONFIG_CMD_CREATE) == 0;
    if (made) {
        long mount = call(SYS_fsmount, context, FSMOUNT_CLOEXEC,
                          MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
        if (mount >= 0) {
            seen.program =
                call(SYS_openat, mount, address(program + name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
            // Out of the way of descriptors that the caller hands on; stays open over the exec.
            seen.overlay = call(SYS_fcntl, mount, F_DUPFD, 900);
            call(SYS_close, mount);
        }
    }
    call(SYS_close, context);
    return seen;
}

// A copy in memory that is sealed already (the shim's) reports its seals.
bool has_seals() {
    long own = call(SYS_openat, AT_FDCWD, address("/proc/self/exe"), O_RDONLY | O_CLOEXEC);
    if (own < 0) return false;
    bool sealed = call(SYS_fcntl, own, F_GET_SEALS) >= 0;
    call(SYS_close, own);
    return sealed;
}

}  // namespace

extern "C" void berth_early_seal(long* stack) {
    constexpr long kWordsMost = 2000;
    const char* const kMark = "_BERTH_SEALED=";  // self_seal.cc's
    long count = stack[0], words = 0;
    auto** arguments = reinterpret_cast<char**>(stack + 1);
    char** environment = arguments + count + 1;
    bool asked = false;
    for (long i = 1; i < count; ++i) {
        asked =
            asked || same(arguments[i], "create") || same(arguments[i], "run") || same(arguments[i], "exec");
    }
    if (!asked || call(SYS_geteuid) != 0) return;
    for (; environment[words] != nullptr; ++words) {
        if (starts(environment[words], kMark) || words == kWordsMost) return;
    }
    if (has_seals()) return;
    Seen seen = through_overlay();
    if (seen.program < 0) return;
    char mark[60];
    char* end = append_number(append(mark, kMark), call(SYS_getpid));
    if (seen.overlay >= 0) append_number(append(end, ":"), seen.overlay);
    char* marked[kWordsMost + 2];
    for (long i = 0; i < words; ++i) marked[i] = environment[i];
    marked[words] = mark;
    marked[words + 1] = nullptr;
    call(SYS_execveat, seen.program, address(""), address(arguments), address(marked), AT_EMPTY_PATH);
    call(SYS_close, seen.program);
    if (seen.overlay >= 0) call(SYS_close, seen.overlay);
}
