#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/shim/protocol/health.h"

namespace berth::shim {

inline constexpr std::uint32_t kRuntimeSeconds = 120;

// BUNDLE/task: what a shim is to do, written by the supervisor before it starts the shim, and read again when
// a container that has lost its shim is cleared away. The fields as in supervisor::TaskSpec.
struct TaskFile {
    std::string id;
    std::string runtime;       // path
    std::string runtime_root;  // --root
    std::vector<std::string> runtime_args;
    bool terminal = false, open_stdin = false, stdin_once = false;
    std::uint16_t rows = 0, columns = 0;
    std::string log_driver, log_path, log_tag;
    std::map<std::string, std::string> log_options, log_attributes;
    std::vector<std::string> cgroup_paths;
    std::optional<HealthTask> health;
    // How long a command of the runtime may take before it is killed and has failed.
    std::uint32_t runtime_seconds = kRuntimeSeconds;
    bool operator==(const TaskFile&) const = default;
};

std::string encode_task_file(const TaskFile& task);
Result<TaskFile> decode_task_file(std::string_view bytes);

}  // namespace berth::shim
