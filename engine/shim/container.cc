#include "engine/shim/container.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <utility>

#include "engine/base/files.h"
#include "engine/base/time.h"
#include "engine/shim/cgroup_files.h"
#include "engine/shim/protocol/bundle.h"
#include "engine/shim/remains.h"
#include "engine/shim/rootfs.h"
#include "engine/sys/lost_signal.h"
#include "engine/sys/pidfd.h"

namespace berth::shim {

namespace {
constexpr auto kDrainLimit = std::chrono::seconds(2);
constexpr auto kLookForHandler = std::chrono::milliseconds(1);
std::int64_t nanoseconds_now() {
    return now().time_since_epoch().count();
}
Failure wrong_state(const std::string& what) {
    return fail(ErrorKind::kConflict, what);
}
}  // namespace

Container::Container(Loop& loop, TaskFile task, UniqueFd program, Events events)
    : loop_(loop), task_(std::move(task)), events_(std::move(events)), runtime_(task_, std::move(program)) {}

Result<> Container::run(std::vector<std::string> words, std::vector<int> fds, sys::SpawnHook hook,
                        Done done) {
    BERTH_TRY(auto child, runtime_.start(std::move(words), std::move(fds), hook));
    await(child.pid, std::move(done));
    return {};
}

void Container::await(pid_t command, Done done) {
    running_ = command;
    running_done_ = std::move(done);
    timed_out_ = false;
    running_limit_ = loop_.after(std::chrono::seconds(task_.runtime_seconds), [this] {
        timed_out_ = true;
        ::kill(running_, SIGKILL);
    });
}

Result<> Container::add_mount(UniqueFd mount) {
    if (status_.state != TaskState::kNew || running_ != 0) return wrong_state("the task exists already");
    if (!mount) return fail(ErrorKind::kInvalidArgument, "a mount without a descriptor");
    mounts_.push_back({std::move(mount), std::string(kMountsFolder) + "/" + std::to_string(mounts_.size())});
    return {};
}

Error Container::failure(const std::string& verb, int code, std::string said) const {
    if (timed_out_) return runtime_.hung(verb);
    return runtime_.failure(verb, code, std::move(said));
}

void Container::create(UniqueFd root, Answer answer) {
    if (status_.state != TaskState::kNew || running_ != 0)
        return answer(wrong_state("the task exists already"));
    auto launched = launch_create(std::move(root));
    if (!launched) {
        answer(Failure(std::move(launched.error())));
        return loop_.later(events_.finished);
    }
    running_done_ = [this, answer = std::move(answer)](int code) { created(code, answer); };
}

Result<> Container::launch_create(UniqueFd root) {
    const logs::LogPlan log{task_.log_driver, task_.log_path, task_.log_options, task_.log_attributes,
                            task_.log_tag};
    BERTH_TRY(log_, in("failed to initialize logging driver", logs::open_log(log)));
    std::vector<std::string> words = {"create", "--bundle", ".", "--pid-file", kPidFile};
    std::vector<int> fds = {-1, -1, -1};
    if (task_.terminal) {
        BERTH_TRY(auto console, ConsoleSocket::listen(kConsoleSocket));
        console_.emplace(std::move(console));
        words.insert(words.end(), {"--console-socket", kConsoleSocket});
    } else {
        BERTH_TRY(stdio_, make_stdio(task_.open_stdin));
        fds = {stdio_.stdin_read.get(), stdio_.stdout_write.get(), stdio_.stderr_write.get()};
    }
    RootPlan plan;
    if (root) {
        root_ = std::move(root);
        plan.root_fd = root_.get();
        plan.more = std::move(mounts_);
        BERTH_TRY(plan.mount_point, mount_point_here());
    }
    if (runtime_.is_own()) {
        BERTH_TRY(start_line_, StartLine::open(loop_, [this] { created_and_waits(); }));
        words.insert(words.end(), {"--start-line", std::to_string(fds.size())});
        fds.push_back(start_line_->theirs());
    }
    BERTH_CHECK(
        in("OCI runtime create failed", run(words, fds, root_ ? attach_root(plan) : sys::SpawnHook{}, {})));
    if (start_line_) start_line_->drop_theirs();
    stdio_.stdin_read.reset();
    stdio_.stdout_write.reset();
    stdio_.stderr_write.reset();
    return {};
}

// As if it had ended, but that it can still be asked.
void Container::created_and_waits() {
    waiting_ = std::exchange(running_, 0);
    remains_ = start_line_->take_remains();
    loop_.cancel(running_limit_);
    auto done = std::move(running_done_);
    done(0);
    settle();
}

// The `create` that waits ends.
void Container::hang_up() {
    loop_.later([this] { start_line_.reset(); });
}

Error Container::create_failure(int code) {
    std::string said;
    if (stdio_.stderr_read) {
        // Whoever still holds the pipe must not hold us.
        char buffer[4096];
        ssize_t got = ::read(stdio_.stderr_read.get(), buffer, sizeof buffer);
        if (got > 0) said.assign(buffer, static_cast<std::size_t>(got));
    }
    return failure("create", code, std::move(said));
}

void Container::created(int code, const Answer& answer) {
    Result<> adopted;
    if (code != 0) {
        adopted = Failure(create_failure(code));
    } else {
        adopted = adopt();
    }
    if (adopted) {
        status_.state = TaskState::kCreated;
        answer(std::int64_t{status_.pid});
        auto early = std::move(early_ends_);
        for (auto& [pid, how] : early) child_ended(pid, how);
        return;
    }
    hang_up();
    // The runtime may have left its cgroup or state behind.
    auto error = std::move(adopted.error());
    kill_all(task_.cgroup_paths);
    auto give_up = [this, answer, error](int) {
        answer(Failure(error));
        events_.finished();
    };
    if (!run({"delete", "--force"}, {-1, -1, -1}, {}, give_up)) give_up(0);
}

Result<> Container::adopt() {
    BERTH_TRY(std::string pid, read_file(kPidFile, 64));
    status_.pid = static_cast<pid_t>(std::atoi(pid.c_str()));
    BERTH_TRY(init_, sys::open_pidfd(status_.pid));
    if (console_) {
        BERTH_TRY(terminal_, console_->receive_master());
        console_.reset();
        if (task_.rows != 0 && task_.columns != 0) {
            BERTH_CHECK(sys::set_window_size(terminal_.get(), {task_.rows, task_.columns}));
        }
    }
    UniqueFd input;
    if (!task_.terminal) {
        input = std::move(stdio_.stdin_write);
    } else if (task_.open_stdin) {
        BERTH_TRY(input, terminal_.duplicate());
    }
    input_ = std::make_unique<Input>(loop_, std::move(input), [this] { output_->resume_input(); });
    open_output();
    if (!task_.terminal) {
        output_->add_source(std::move(stdio_.stdout_read), logs::Stream::kStdout);
        output_->add_source(std::move(stdio_.stderr_read), logs::Stream::kStderr);
        return {};
    }
    BERTH_TRY(UniqueFd source, terminal_.duplicate());
    output_->add_source(std::move(source), logs::Stream::kStdout);
    return {};
}

void Container::open_output() {
    Output::Events events;
    events.drained = [this] { record_exit(); };
    events.idle = [this] { end_when_done(); };
    events.trouble = events_.trouble;
    output_ = std::make_unique<Output>(loop_, std::move(log_), !task_.terminal, std::move(events));
}

void Container::start(Answer answer) {
    if (status_.state != TaskState::kCreated || running_ != 0 || ending_) {
        return answer(wrong_state("the task is not in state created"));
    }
    auto done = [this, answer](int code) {
        hang_up();
        if (code != 0) return answer(Failure(failure("start", code)));
        status_.state = TaskState::kRunning;
        status_.started_at = nanoseconds_now();
        begin_health();
        answer(status_.started_at);
    };
    if (waiting_ != 0 && start_line_->ask_for_start()) return await(std::exchange(waiting_, 0), done);
    auto started = run({"start"}, {-1, -1, -1}, {}, done);
    if (!started) answer(Failure(std::move(started.error())));
}

void Container::remove(Answer answer) {
    if (status_.state == TaskState::kExited || ending_) {
        when_deleted_ = std::move(answer);
        return tell_deleted();
    }
    if (running_ != 0) {
        // A daemon that came back while its predecessor's `create` still runs.
        waiting_remove_ = std::move(answer);
        return;
    }
    if (status_.state == TaskState::kNew) {
        answer(std::int64_t{0});
        return loop_.later(events_.finished);
    }
    if (status_.state == TaskState::kRunning || status_.state == TaskState::kPaused)
        return answer(wrong_state("the task is running"));
    hang_up();
    auto done = [this, answer](int) {
        deleted_ = true;
        answer(std::int64_t{0});
    };
    auto started = run({"delete", "--force"}, {-1, -1, -1}, {}, done);
    if (!started) answer(Failure(std::move(started.error())));
}

// 1: clients have not read everything yet, so the process stays for them.
void Container::tell_deleted() {
    if (!deleted_ || !when_deleted_) return;
    std::exchange(when_deleted_, nullptr)(std::int64_t{output_->has_clients() ? 1 : 0});
}

void Container::kill(int signal, std::function<void(Result<>)> answer) {
    if (!init_ || ending_ || status_.state == TaskState::kExited)
        return answer(wrong_state("process already finished"));
    std::chrono::nanoseconds age(nanoseconds_now() - status_.started_at);
    if (age.count() >= 0 && age < sys::kHandlersDue && sys::would_be_lost(status_.pid, signal)) {
        loop_.after(kLookForHandler, [this, signal, answer = std::move(answer)] { kill(signal, answer); });
        return;
    }
    answer(sys::send_signal(init_.get(), signal));
}

void Container::freeze(bool frozen, std::function<void(Result<>)> answer) {
    TaskState from = frozen ? TaskState::kRunning : TaskState::kPaused;
    if (status_.state != from || running_ != 0 || ending_)
        return answer(wrong_state(frozen ? "the task is not running" : "the task is not paused"));
    std::string verb = frozen ? "pause" : "resume";
    auto done = [this, verb, frozen, answer](int code) {
        if (code != 0) return answer(Failure(failure(verb, code)));
        status_.state = frozen ? TaskState::kPaused : TaskState::kRunning;
        answer({});
    };
    auto started = run({verb}, {-1, -1, -1}, {}, done);
    if (!started) answer(Failure(std::move(started.error())));
}

Result<std::int64_t> Container::attach(UniqueFd socket, std::uint8_t streams) {
    if (!output_) return wrong_state("the task is not created yet");
    BERTH_CHECK(set_nonblocking(socket.get()));
    output_->add_client(std::move(socket), streams, *input_, [this] {
        // A terminal has no end of file but the one that is typed.
        if (task_.stdin_once && !task_.terminal) input_->close();
    });
    return nanoseconds_now();
}

Result<> Container::resize(sys::WindowSize size) {
    if (!terminal_) return wrong_state("the task has no terminal");
    return sys::set_window_size(terminal_.get(), size);
}

void Container::child_ended(pid_t pid, int code) {
    if (exec_ended(pid, code)) return;
    if (pid == waiting_) {
        waiting_ = 0;
    } else if (pid == running_) {
        running_ = 0;
        loop_.cancel(running_limit_);
        auto done = std::move(running_done_);
        done(code);
        settle();
    } else if (pid == status_.pid && !ending_) {
        exited(code);
    } else if (status_.state == TaskState::kNew) {
        early_ends_.emplace_back(pid, code);
    }
}

void Container::exited(int code) {
    ending_ = ExitRecord{code, false, nanoseconds_now(), {}};
    health_.reset();
    settle();
}

// Goes on with the end of the container once no runtime command is in the way: an answer to `start` comes
// first.
void Container::settle() {
    if (running_ == 0 && waiting_remove_) remove(std::exchange(waiting_remove_, nullptr));
    if (!ending_ || running_ != 0 || draining_) return;
    draining_ = true;
    ending_->oom_killed = oom_killed(task_.cgroup_paths);
    // Without a pid namespace of its own, init's death kills nobody else.
    kill_all(task_.cgroup_paths);
    output_->drain(kDrainLimit);
}

void Container::record_exit() {
    status_.state = TaskState::kExited;
    status_.exit = ending_;
    if (auto written = write_exit_record(".", *ending_); !written) events_.trouble(written.error().message);
    events_.exited();
    auto done = [this](int code) {
        if (code != 0 && !deleted_) events_.trouble(failure("delete", code).message);
        deleted_ = true;
        tell_deleted();
        end_when_done();
    };
    if (deleted_) return end_when_done();
    if (take_away(remains_)) return done(0);
    if (!run({"delete", "--force"}, {-1, -1, -1}, {}, done)) done(1);
}

void Container::end_when_done() {
    if (deleted_ && status_.state == TaskState::kExited && !output_->has_clients() && execs_.empty())
        events_.finished();
}

}  // namespace berth::shim
