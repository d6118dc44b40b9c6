#include "api-spec/types/exec.h"

#include "api-spec/types/json_fields.h"

namespace berth::types {

void fields(auto& visit, Either<ExecConfig> auto& self) {
    visit("User", self.user);
    visit("Privileged", self.privileged);
    visit("Tty", self.tty);
    visit("ConsoleSize", self.console_size);
    visit("AttachStdin", self.attach_stdin);
    visit("AttachStdout", self.attach_stdout);
    visit("AttachStderr", self.attach_stderr);
    visit("DetachKeys", self.detach_keys);
    visit("Env", self.env);
    visit("WorkingDir", self.working_dir);
    visit("Cmd", self.cmd);
}

void fields(auto& visit, Either<ExecStartConfig> auto& self) {
    visit("Detach", self.detach);
    visit("Tty", self.tty);
    visit("ConsoleSize", self.console_size);
}

Result<ExecConfig> parse_exec_config(const nlohmann::json& object) {
    return read_fields<ExecConfig>(object, "ExecOptions");
}

Result<ExecStartConfig> parse_exec_start_config(const nlohmann::json& object) {
    return read_fields<ExecStartConfig>(object, "ExecStartOptions");
}

}  // namespace berth::types
