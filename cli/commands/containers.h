#pragma once

#include "cli/commands/command.h"

namespace berth::cli {

int run_command(Invocation& invocation, const Arguments& arguments);
int create_command(Invocation& invocation, const Arguments& arguments);
int start_command(Invocation& invocation, const Arguments& arguments);
int exec_command(Invocation& invocation, const Arguments& arguments);
int attach_command(Invocation& invocation, const Arguments& arguments);

int stop_command(Invocation& invocation, const Arguments& arguments);
int restart_command(Invocation& invocation, const Arguments& arguments);
int kill_command(Invocation& invocation, const Arguments& arguments);
int rm_command(Invocation& invocation, const Arguments& arguments);
int wait_command(Invocation& invocation, const Arguments& arguments);
int rename_command(Invocation& invocation, const Arguments& arguments);
int pause_command(Invocation& invocation, const Arguments& arguments);
int unpause_command(Invocation& invocation, const Arguments& arguments);

int ps_command(Invocation& invocation, const Arguments& arguments);
int logs_command(Invocation& invocation, const Arguments& arguments);
int port_command(Invocation& invocation, const Arguments& arguments);
int update_command(Invocation& invocation, const Arguments& arguments);
int stats_command(Invocation& invocation, const Arguments& arguments);
int top_command(Invocation& invocation, const Arguments& arguments);

}  // namespace berth::cli
