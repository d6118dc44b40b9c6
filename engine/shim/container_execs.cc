#include <csignal>

#include "engine/shim/cgroup_files.h"
#include "engine/shim/container.h"

// The container's further processes: execs, and the probes of its health.
namespace berth::shim {

namespace {
constexpr std::size_t kMaxUntold = 2000;  // a status is one frame
Failure wrong_state(const std::string& what) {
    return fail(ErrorKind::kConflict, what);
}
}  // namespace

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

}  // namespace berth::shim
