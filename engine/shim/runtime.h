#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/shim/protocol/bundle.h"
#include "engine/shim/protocol/task_file.h"
#include "engine/sys/spawn.h"

namespace berth::shim {

// An OCI runtime, by runc's command line. Our folder is the bundle.
class Runtime {
 public:
    // `program`: what runs as the task's runtime, if it is not the file of that name.
    explicit Runtime(const TaskFile& task, UniqueFd program = {})
        : task_(task), program_(std::move(program)) {}

    // RUNTIME --root R --log LOG --log-format json VERB… ID, started.
    Result<sys::ChildProcess> start(std::vector<std::string> words, std::vector<int> fds,
                                    sys::SpawnHook hook = {}, const std::string& log = kRuntimeLog) const;
    // Whether it is our own, which knows more than runc's command line: see start_line.h.
    bool is_own() const { return program_ && task_.runtime.ends_with("/berth-runtime"); }
    // How long a command may take, and what to say of one that was killed for it.
    std::chrono::seconds limit() const { return std::chrono::seconds(task_.runtime_seconds); }
    Error hung(const std::string& verb) const;
    // Docker's text for a runtime that has failed: "OCI runtime VERB failed: " and the last error of its log,
    // else `fallback`.
    Error failure(const std::string& verb, int exit_code, std::string fallback,
                  const std::string& log = kRuntimeLog) const;

 private:
    const TaskFile& task_;
    UniqueFd program_;
};

}  // namespace berth::shim
