#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/base/result.h"

namespace berth::types {

// The body of POST /containers/{id}/exec.
struct ExecConfig {
    std::string user;
    bool privileged = false, tty = false;
    bool attach_stdin = false, attach_stdout = false, attach_stderr = false;
    std::vector<std::uint32_t> console_size;  // height, width
    std::string detach_keys;
    std::vector<std::string> env;
    std::string working_dir;
    std::vector<std::string> cmd;
};
Result<ExecConfig> parse_exec_config(const nlohmann::json& object);

// The body of POST /exec/{id}/start.
struct ExecStartConfig {
    bool detach = false, tty = false;
    std::vector<std::uint32_t> console_size;
};
Result<ExecStartConfig> parse_exec_start_config(const nlohmann::json& object);

}  // namespace berth::types
