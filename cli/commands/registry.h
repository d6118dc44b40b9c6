#pragma once

#include "cli/commands/command.h"

namespace berth::cli {

int login_command(Invocation& invocation, const Arguments& arguments);
int logout_command(Invocation& invocation, const Arguments& arguments);
int push_command(Invocation& invocation, const Arguments& arguments);
int search_command(Invocation& invocation, const Arguments& arguments);

}  // namespace berth::cli
