#include "engine/container/signals.h"

#include <signal.h>

#include <algorithm>
#include <charconv>

namespace berth::container {

namespace {

constexpr struct {
    const char* name;
    int number;
} kSignals[] = {
    {"ABRT", SIGABRT},     {"ALRM", SIGALRM},   {"BUS", SIGBUS},   {"CHLD", SIGCHLD}, {"CLD", SIGCHLD},
    {"CONT", SIGCONT},     {"FPE", SIGFPE},     {"HUP", SIGHUP},   {"ILL", SIGILL},   {"INT", SIGINT},
    {"IO", SIGIO},         {"IOT", SIGIOT},     {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"POLL", SIGPOLL},
    {"PROF", SIGPROF},     {"PWR", SIGPWR},     {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV}, {"STKFLT", SIGSTKFLT},
    {"STOP", SIGSTOP},     {"SYS", SIGSYS},     {"TERM", SIGTERM}, {"TRAP", SIGTRAP}, {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU},   {"URG", SIGURG},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
    {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
};
// glibc keeps 32 and 33 for itself; in a container the kernel's numbers count.
constexpr int kRealTimeFirst = 34, kRealTimeLast = 64;

bool parse_number(std::string_view text, int& number) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<int> parse_signal(const std::string& text) {
    int number = 0;
    if (parse_number(text, number)) {
        if (number > 0 && number <= kRealTimeLast) return number;
        if (number != 0)
            return fail(ErrorKind::kInvalidArgument, "the linux daemon does not support signal " + text);
        return fail(ErrorKind::kInvalidArgument, "invalid signal: " + text);
    }
    std::string name = text;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
    if (name.starts_with("SIG")) name.erase(0, 3);
    for (const auto& row : kSignals) {
        if (name == row.name) return row.number;
    }
    if (name == "RTMIN") return kRealTimeFirst;
    if (name == "RTMAX") return kRealTimeLast;
    bool from_first = name.starts_with("RTMIN+"), from_last = name.starts_with("RTMAX-");
    if ((from_first || from_last) && parse_number(std::string_view(name).substr(6), number) && number >= 0 &&
        number <= kRealTimeLast - kRealTimeFirst) {
        return from_first ? kRealTimeFirst + number : kRealTimeLast - number;
    }
    return fail(ErrorKind::kInvalidArgument, "invalid signal: " + text);
}

}  // namespace berth::container
