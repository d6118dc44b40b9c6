/* The whole of the hello-world image: it speaks to the kernel alone, so the image needs no other file. */

static const char text[] =
    "\n"
    "Hello from Berth!\n"
    "This message shows that your engine works, all the way down:\n"
    "\n"
    " 1. The client asked the Berth daemon to run a container.\n"
    " 2. The daemon took the \"hello-world\" image out of its own program file: no network was needed.\n"
    " 3. It unpacked the image's only layer and made a container of it, in namespaces and a control group of its own.\n"
    " 4. The container ran this program, and its output travelled back to you.\n"
    "\n"
    "Something bigger to try:\n"
    "  run -it debian bash\n"
    "\n";

static long system_call(long number, long a, long b, long c) {
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
#else
#error "hello-world knows x86-64 and aarch64"
#endif
}

#if defined(__x86_64__)
enum { kWrite = 1, kExitGroup = 231 };
#else
enum { kWrite = 64, kExitGroup = 94 };
#endif

__attribute__((noreturn, used)) void _start(void) {
    const long size = sizeof text - 1;
    long done = 0;
    while (done < size) {
        const long wrote = system_call(kWrite, 1, (long)(text + done), size - done);
        if (wrote <= 0) break;
        done += wrote;
    }
    for (;;) system_call(kExitGroup, done == size ? 0 : 1, 0, 0);
}
