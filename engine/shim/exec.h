#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/shim/console.h"
#include "engine/shim/input.h"
#include "engine/shim/loop.h"
#include "engine/shim/output.h"
#include "engine/shim/protocol/messages.h"
#include "engine/shim/runtime.h"
#include "engine/shim/stdio.h"
#include "engine/sys/pty.h"

namespace berth::shim {

// One more process of the container, from the runtime's `exec` to what its client has read. Nothing of it is
// in the container's log. Its files lie in the bundle (exec-ID.*) and go when it runs, or when this goes.
class Exec {
 public:
    struct Events {
        std::function<void(const ExecExit&)> exited;  // the process is gone and its output read
        std::function<void()> finished;               // no client has anything left to read: this may go
    };
    using Answer = std::function<void(Result<std::int64_t>)>;
    Exec(Loop& loop, ExecRequest request, UniqueFd client, Answer answer, Events events);
    ~Exec();
    Exec(const Exec&) = delete;

    const std::string& id() const { return request_.id; }
    // Its output is written there too, besides what a client gets.
    void keep_output(std::unique_ptr<logs::LogDriver> output) { log_ = std::move(output); }
    // Starts the runtime's command.
    Result<> launch(const Runtime& runtime);
    pid_t runtime_pid() const { return runtime_pid_; }  // 0: not started yet, or over
    // The command has ended well: returns the process's pid.
    Result<pid_t> adopt();
    // The command has failed.
    Error failure(const Runtime& runtime, int code) const;
    pid_t pid() const { return pid_; }             // 0: not known yet; -1: ended
    bool announced() const { return announced_; }  // as exited
    void ended(int code);
    Result<> resize(sys::WindowSize size);
    Result<> kill(int signal);
    // The answer to who asked for this, once.
    void answer(Result<std::int64_t> result) { std::exchange(answer_, nullptr)(std::move(result)); }

 private:
    bool reads() const { return (request_.streams & kAttachStdin) != 0; }
    std::string file(const char* suffix) const { return "exec-" + request_.id + suffix; }
    void remove_files() const;
    Result<> open_streams();

    Loop& loop_;
    ExecRequest request_;
    UniqueFd client_;
    std::unique_ptr<logs::LogDriver> log_;
    Answer answer_;
    Events events_;
    StdioPipes stdio_;
    std::optional<ConsoleSocket> console_;
    UniqueFd terminal_;  // the master
    UniqueFd process_;   // pidfd
    std::unique_ptr<Input> input_;
    std::unique_ptr<Output> output_;
    pid_t runtime_pid_ = 0, pid_ = 0;
    Loop::Timer limit_ = 0;  // of the runtime's command
    bool timed_out_ = false, announced_ = false;
    ExecExit exit_;
};

}  // namespace berth::shim
