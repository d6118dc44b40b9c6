#include "engine/shim/container.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "engine/base/files.h"
#include "engine/base/time.h"
#include "engine/shim/cgroup_files.h"
#include "engine/shim/protocol/bundle.h"
#include "engine/shim/rootfs.h"
#include "engine/sys/pidfd.h"

namespace berth::shim {

namespace {
constexpr auto kDrainLimit = std::chrono::seconds(2);
constexpr std::size_t kMaxUntold = 2000;  // a status is one frame
std::int64_t nanoseconds_now() {
    return now().time_since_epoch().count();
}
Failure wrong_state(const std::string& what) {
    return fail(ErrorKind::kConflict, what);
}
}  // namespace

Container::Container(Loop& loop, TaskFile task, UniqueFd program, Events events)
    : loop_(loop), task_(std::move(task)), events_(std::move(events)), runtime_(task_, std::move(program)) {}

Status Container::status() const {
    Status status = status_;
    status.ended_execs = ended_execs_;
    for (const auto& [id, exec] : execs_)
        if (!exec->announced()) status.execs.push_back(id);
    return status;
}

void Container::announce(const ExecExit& exit) {
    // Whoever does not listen for so many has forgotten them.
    if (ended_execs_.size() == kMaxUntold) ended_execs_.erase(ended_execs_.begin());
    ended_execs_.push_back(exit);
    events_.exec_exited(exit);
}

void Container::exec_told(const std::string& id) {
    std::erase_if(ended_execs_, [&id](const ExecExit& exit) { return exit.id == id; });
}

Result<> Container::run(std::vector<std::string> words, std::vector<int> fds, sys::SpawnHook hook,
                        Done done) {
    BERTH_TRY(auto child, runtime_.start(std::move(words), std::move(fds), hook));
    running_ = child.pid;
    running_done_ = std::move(done);
    timed_out_ = false;
    running_limit_ = loop_.after(std::chrono::seconds(task_.runtime_seconds), [this] {
        timed_out_ = true;
        ::kill(running_, SIGKILL);
    });
    return {};
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
        plan.root_fd = root.get();
        plan.more = std::move(mounts_);
        BERTH_TRY(plan.mount_point, mount_point_here());
    }
    BERTH_CHECK(
        in("OCI runtime create failed", run(words, fds, root ? attach_root(plan) : sys::SpawnHook{}, {})));
    stdio_.stdin_read.reset();
    stdio_.stdout_write.reset();
    stdio_.stderr_write.reset();
    return {};
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
        if (code != 0) return answer(Failure(failure("start", code)));
        status_.state = TaskState::kRunning;
        status_.started_at = nanoseconds_now();
        begin_health();
        answer(status_.started_at);
    };
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

Result<> Container::kill(int signal) {
    if (!init_ || ending_ || status_.state == TaskState::kExited)
        return wrong_state("process already finished");
    return sys::send_signal(init_.get(), signal);
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

void Container::exec(ExecRequest request, UniqueFd client, Answer answer) {
    if (status_.state != TaskState::kRunning || ending_)
        return answer(wrong_state("the task is not running"));
    std::string id = request.id;
    if (execs_.contains(id)) return answer(wrong_state("the exec exists already"));
    Exec::Events events;
    events.exited = [this](const ExecExit& exit) { announce(exit); };
    events.finished = [this, id] { forget_exec(id); };
    auto exec = std::make_unique<Exec>(loop_, std::move(request), std::move(client), std::move(answer),
                                       std::move(events));
    auto launched = exec->launch(runtime_);
    if (!launched) return exec->answer(Failure(std::move(launched.error())));
    execs_[id] = std::move(exec);
}

void Container::begin_health() {
    if (!task_.health) return;
    HealthMonitor::Hooks hooks;
    hooks.run = [this](std::unique_ptr<logs::LogDriver> output) { run_probe(std::move(output)); };
    hooks.kill = [this] { (void)kill_exec("health" + std::to_string(probes_), SIGKILL).has_value(); };
    hooks.frozen = [this] { return is_frozen(status_.pid); };
    hooks.changed = [this](const Health& health) {
        status_.health = health;
        events_.health(health);
    };
    health_ = std::make_unique<HealthMonitor>(loop_, *task_.health, std::move(hooks));
    status_.health = health_->health();
    health_->begin(status_.started_at);
}

// An exec whose end the monitor hears of, and nobody else. The monitor is gone once init is.
void Container::run_probe(std::unique_ptr<logs::LogDriver> output) {
    ExecRequest request;
    request.id = "health" + std::to_string(++probes_);
    request.process = task_.health->process;
    std::string id = request.id;
    Exec::Events events;
    events.exited = [this](const ExecExit& exit) {
        if (health_) health_->ended(exit.code);
    };
    events.finished = [this, id] { forget_exec(id); };
    auto started = [this](Result<std::int64_t> pid) {
        if (!health_) return;
        if (pid) return health_->started();
        health_->failed(pid.error());
    };
    auto probe =
        std::make_unique<Exec>(loop_, std::move(request), UniqueFd(), std::move(started), std::move(events));
    probe->keep_output(std::move(output));
    auto launched = probe->launch(runtime_);
    if (!launched) return probe->answer(Failure(std::move(launched.error())));
    execs_[id] = std::move(probe);
}

Result<Exec*> Container::find_exec(const std::string& id) {
    auto found = execs_.find(id);
    if (found == execs_.end()) return wrong_state("process already finished");
    return found->second.get();
}

Result<> Container::resize_exec(const std::string& id, sys::WindowSize size) {
    BERTH_TRY(Exec * exec, find_exec(id));
    return exec->resize(size);
}

Result<> Container::kill_exec(const std::string& id, int signal) {
    BERTH_TRY(Exec * exec, find_exec(id));
    return exec->kill(signal);
}

void Container::exec_started(Exec& exec, int code) {
    auto adopted = code == 0 ? exec.adopt() : Result<pid_t>(Failure(exec.failure(runtime_, code)));
    if (!adopted) {
        exec.answer(Failure(std::move(adopted.error())));
        return forget_exec(exec.id());
    }
    exec.answer(std::int64_t{*adopted});
    auto early = std::move(early_ends_);
    early_ends_.clear();
    for (auto& [pid, how] : early) child_ended(pid, how);
}

bool Container::exec_ended(pid_t pid, int code) {
    bool starting = false;
    for (auto& [id, exec] : execs_) {
        if (exec->runtime_pid() == pid) {
            exec_started(*exec, code);
            return true;
        }
        if (exec->pid() == pid) {
            exec->ended(code);
            return true;
        }
        starting = starting || exec->pid() == 0;
    }
    // Its runtime has yet to say that this is the exec's process.
    if (starting && pid != status_.pid && pid != running_) early_ends_.emplace_back(pid, code);
    return false;
}

void Container::forget_exec(const std::string& id) {
    loop_.later([this, id] {
        execs_.erase(id);
        end_when_done();
    });
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
    if (pid == running_) {
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
    if (!run({"delete", "--force"}, {-1, -1, -1}, {}, done)) done(1);
}

void Container::end_when_done() {
    if (deleted_ && status_.state == TaskState::kExited && !output_->has_clients() && execs_.empty())
        events_.finished();
}

}  // namespace berth::shim
