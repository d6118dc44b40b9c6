#pragma once

#include "cli/commands/command.h"

namespace berth::cli {

int version_command(Invocation& invocation, const Arguments& arguments);
int info_command(Invocation& invocation, const Arguments& arguments);
int events_command(Invocation& invocation, const Arguments& arguments);
int dial_stdio_command(Invocation& invocation, const Arguments& arguments);
int df_command(Invocation& invocation, const Arguments& arguments);
int inspect_command(Invocation& invocation, const Arguments& arguments);
int container_inspect_command(Invocation& invocation, const Arguments& arguments);
int image_inspect_command(Invocation& invocation, const Arguments& arguments);

int volume_create_command(Invocation& invocation, const Arguments& arguments);
int volume_ls_command(Invocation& invocation, const Arguments& arguments);
int volume_inspect_command(Invocation& invocation, const Arguments& arguments);
int volume_rm_command(Invocation& invocation, const Arguments& arguments);
int volume_prune_command(Invocation& invocation, const Arguments& arguments);

int network_create_command(Invocation& invocation, const Arguments& arguments);
int network_rm_command(Invocation& invocation, const Arguments& arguments);
int network_prune_command(Invocation& invocation, const Arguments& arguments);
int network_connect_command(Invocation& invocation, const Arguments& arguments);
int network_disconnect_command(Invocation& invocation, const Arguments& arguments);
int network_ls_command(Invocation& invocation, const Arguments& arguments);
int network_inspect_command(Invocation& invocation, const Arguments& arguments);

}  // namespace berth::cli
