#include "engine/shim/exec.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <utility>

#include "engine/base/files.h"
#include "engine/base/time.h"
#include "engine/sys/pidfd.h"

namespace berth::shim {

namespace {
// dockerd's bound for output that somebody else still holds open.
constexpr auto kDrainLimit = std::chrono::seconds(2);
constexpr const char* kSuffixes[] = {".json", ".pid", ".log", ".sock"};
}  // namespace

Exec::Exec(Loop& loop, ExecRequest request, UniqueFd client, Answer answer, Events events)
    : loop_(loop),
      request_(std::move(request)),
      client_(std::move(client)),
      answer_(std::move(answer)),
      events_(std::move(events)) {}

Exec::~Exec() {
    loop_.cancel(limit_);
    remove_files();
}

void Exec::remove_files() const {
    for (const char* suffix : kSuffixes) ::unlink(file(suffix).c_str());
}

Result<> Exec::launch(const Runtime& runtime) {
    BERTH_CHECK(write_file(file(".json"), request_.process));
    std::vector<std::string> words = {"exec",        "--detach",   "--process",
                                      file(".json"), "--pid-file", file(".pid")};
    std::vector<int> fds = {-1, -1, -1};
    if (request_.terminal) {
        BERTH_TRY(auto console, ConsoleSocket::listen(file(".sock")));
        console_.emplace(std::move(console));
        words.insert(words.end(), {"--console-socket", file(".sock")});
    } else {
        BERTH_TRY(stdio_, make_stdio(reads()));
        fds = {stdio_.stdin_read.get(), stdio_.stdout_write.get(), stdio_.stderr_write.get()};
    }
    BERTH_TRY(auto child, runtime.start(std::move(words), std::move(fds), {}, file(".log")));
    runtime_pid_ = child.pid;
    limit_ = loop_.after(runtime.limit(), [this] {
        timed_out_ = true;
        ::kill(runtime_pid_, SIGKILL);
    });
    stdio_.stdin_read.reset();
    stdio_.stdout_write.reset();
    stdio_.stderr_write.reset();
    return {};
}

Error Exec::failure(const Runtime& runtime, int code) const {
    if (timed_out_) return runtime.hung("exec");
    return runtime.failure("exec", code, {}, file(".log"));
}

Result<pid_t> Exec::adopt() {
    runtime_pid_ = 0;
    loop_.cancel(limit_);
    BERTH_TRY(std::string pid, read_file(file(".pid"), 64));
    pid_ = static_cast<pid_t>(std::atoi(pid.c_str()));
    // A short one has ended already, and been reaped.
    auto process = sys::open_pidfd(pid_);
    if (!process && process.error().kind != ErrorKind::kNotFound) return Failure(std::move(process.error()));
    if (process) process_ = std::move(*process);
    BERTH_CHECK(open_streams());
    remove_files();
    return pid_;
}

Result<> Exec::open_streams() {
    UniqueFd input;
    if (console_) {
        BERTH_TRY(terminal_, console_->receive_master());
        console_.reset();
        if (request_.rows != 0 && request_.columns != 0)
            BERTH_CHECK(sys::set_window_size(terminal_.get(), {request_.rows, request_.columns}));
        if (reads()) {
            BERTH_TRY(input, terminal_.duplicate());
        }
    } else {
        input = std::move(stdio_.stdin_write);
    }
    input_ = std::make_unique<Input>(loop_, std::move(input), [this] { output_->resume_input(); });
    if (!log_) {
        BERTH_TRY(log_, logs::open_log({.driver = "none"}));
    }
    Output::Events events;
    events.drained = [this] {
        announced_ = true;
        events_.exited(exit_);
        if (!output_->has_clients()) events_.finished();
    };
    events.idle = events_.finished;
    events.trouble = [](std::string) {};
    output_ = std::make_unique<Output>(loop_, std::move(log_), !request_.terminal, std::move(events));
    if (client_) {
        BERTH_CHECK(set_nonblocking(client_.get()));
        // A terminal has no end of file but the one that is typed.
        output_->add_client(std::move(client_), request_.streams, *input_, [this] {
            if (!request_.terminal) input_->close();
        });
    } else {
        input_->close();
    }
    if (request_.terminal) {
        BERTH_TRY(UniqueFd source, terminal_.duplicate());
        output_->add_source(std::move(source), logs::Stream::kStdout);
        return {};
    }
    output_->add_source(std::move(stdio_.stdout_read), logs::Stream::kStdout);
    output_->add_source(std::move(stdio_.stderr_read), logs::Stream::kStderr);
    return {};
}

void Exec::ended(int code) {
    exit_ = {request_.id, code, now().time_since_epoch().count()};
    pid_ = -1;
    output_->drain(kDrainLimit);
}

Result<> Exec::resize(sys::WindowSize size) {
    if (!terminal_) return fail(ErrorKind::kConflict, "the exec has no terminal");
    return sys::set_window_size(terminal_.get(), size);
}

Result<> Exec::kill(int signal) {
    if (!process_ || pid_ <= 0) return fail(ErrorKind::kConflict, "process already finished");
    return sys::send_signal(process_.get(), signal);
}

}  // namespace berth::shim
