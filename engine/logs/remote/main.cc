#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "engine/base/files.h"
#include "engine/logs/packed_file.h"
#include "engine/logs/pipe_protocol.h"
#include "engine/logs/remote/remote_log.h"

// berth-logger                    reads a plan and records from standard input (pipe_protocol.h)
// berth-logger --compress PATH    compresses the rotated files of a log; its output is closed when it is done
namespace {

using namespace berth;
using namespace berth::logs;

constexpr int kRetryEvery = 200;  // milliseconds, while something waits for the server
constexpr auto kLastTries = std::chrono::seconds(3);

void say(const std::string& text) {
    (void)write_all(STDOUT_FILENO, text + "\n").has_value();
}

// More of standard input, or what time it is. False at its end.
bool read_more(std::string& buffer, bool impatient) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, impatient ? kRetryEvery : -1) <= 0) return true;
    char chunk[64 << 10];
    const ssize_t got = ::read(STDIN_FILENO, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) return true;
    if (got > 0) buffer.append(chunk, static_cast<std::size_t>(got));
    return got > 0;
}

Result<std::unique_ptr<LogDriver>> open_driver(const LogPlan& plan) {
    return is_remote(plan.driver) ? open_remote_log(plan) : open_own_log(plan);
}

// Each trouble is told when it begins.
class Troubles {
 public:
    void note(const Result<>& done) {
        if (!done && !in_trouble_) say(done.error().message);
        in_trouble_ = !done;
    }

 private:
    bool in_trouble_ = false;
};

Result<> serve() {
    std::string buffer;
    std::optional<LogPlan> plan;
    while (!plan) {
        if (!read_more(buffer, false)) return {};
        std::string_view rest = buffer;
        plan = take_plan(rest);
        buffer.erase(0, buffer.size() - rest.size());
    }
    BERTH_TRY(auto driver, open_driver(*plan));
    say("ok");
    Troubles troubles;
    for (bool more = true; more;) {
        std::string_view rest = buffer;
        while (auto frame = take_frame(rest))
            troubles.note(driver->write(frame->stream, frame->time, frame->line, frame->partial));
        buffer.erase(0, buffer.size() - rest.size());
        troubles.note(driver->flush());
        more = read_more(buffer, driver->behind());
    }
    const auto until = std::chrono::steady_clock::now() + kLastTries;
    while (driver->behind() && std::chrono::steady_clock::now() < until) {
        troubles.note(driver->flush());
        if (driver->behind()) ::poll(nullptr, 0, kRetryEvery);
    }
    return {};
}

Result<> run(int argc, char** argv) {
    ::signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && std::string_view(argv[1]) == "--compress") {
        ::setpriority(PRIO_PROCESS, 0, 19);
        return pack_rotated(argv[2], UniqueFd(STDOUT_FILENO));
    }
    if (argc == 2 && std::string_view(argv[1]) == "--version") {
        say("berth-logger version " BERTH_VERSION);
        return {};
    }
    if (argc != 1) return fail(ErrorKind::kInvalidArgument, "usage: berth-logger [--compress PATH]");
    return serve();
}

}  // namespace

int main(int argc, char** argv) {
    auto done = run(argc, argv);
    if (done) return 0;
    say(done.error().message);
    return 1;
}
