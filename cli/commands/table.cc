// Every command the program knows.
#include <algorithm>

#include "cli/commands/containers.h"
#include "cli/commands/files.h"
#include "cli/commands/images.h"
#include "cli/commands/registry.h"
#include "cli/commands/system.h"

namespace berth::cli {

namespace {

constexpr Command kCommands[] = {
    {"run", "Create and run a new container from an image", run_command},
    {"create", "Create a new container", create_command},
    {"start", "Start one or more stopped containers", start_command},
    {"stop", "Stop one or more running containers", stop_command},
    {"restart", "Restart one or more containers", restart_command},
    {"kill", "Kill one or more running containers", kill_command},
    {"pause", "Pause all processes within one or more containers", pause_command},
    {"unpause", "Unpause all processes within one or more containers", unpause_command},
    {"rm", "Remove one or more containers", rm_command},
    {"rename", "Rename a container", rename_command},
    {"wait", "Block until one or more containers stop, then print their exit codes", wait_command},
    {"attach", "Attach local standard input, output, and error streams to a running container",
     attach_command},
    {"exec", "Execute a command in a running container", exec_command},
    {"ps", "List containers", ps_command},
    {"logs", "Fetch the logs of a container", logs_command},
    {"port", "List port mappings or a specific mapping for the container", port_command},
    {"update", "Update configuration of one or more containers", update_command},
    {"stats", "Display a live stream of container(s) resource usage statistics", stats_command},
    {"top", "Display the running processes of a container", top_command},
    {"inspect", "Return low-level information on Docker objects", inspect_command},
    {"cp", "Copy files/folders between a container and the local filesystem", cp_command},
    {"diff", "Inspect changes to files or directories on a container's filesystem", diff_command},
    {"export", "Export a container's filesystem as a tar archive", export_command},
    {"commit", "Create a new image from a container's changes", commit_command},
    {"images", "List images", images_command},
    {"pull", "Download an image from a registry", pull_command},
    {"push", "Upload an image to a registry", push_command},
    {"login", "Authenticate to a registry", login_command},
    {"logout", "Log out from a registry", logout_command},
    {"search", "Search Docker Hub for images", search_command},
    {"load", "Load an image from a tar archive or STDIN", load_command},
    {"save", "Save one or more images to a tar archive (streamed to STDOUT by default)", save_command},
    {"import", "Import the contents from a tarball to create a filesystem image", import_command},
    {"tag", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE", tag_command},
    {"rmi", "Remove one or more images", rmi_command},
    {"history", "Show the history of an image", history_command},
    {"version", "Show the version information", version_command},
    {"info", "Display system-wide information", info_command},
    {"events", "Get real time events from the server", events_command},
    {"volume create", "Create a volume", volume_create_command},
    {"volume ls", "List volumes", volume_ls_command},
    {"volume inspect", "Display detailed information on one or more volumes", volume_inspect_command},
    {"volume rm", "Remove one or more volumes", volume_rm_command},
    {"volume prune", "Remove unused local volumes", volume_prune_command},
    {"network connect", "Connect a container to a network", network_connect_command},
    {"network create", "Create a network", network_create_command},
    {"network disconnect", "Disconnect a container from a network", network_disconnect_command},
    {"network ls", "List networks", network_ls_command},
    {"network prune", "Remove all unused networks", network_prune_command},
    {"network rm", "Remove one or more networks", network_rm_command},
    {"network inspect", "Display detailed information on one or more networks", network_inspect_command},
    {"container run", "", run_command},
    {"container create", "", create_command},
    {"container start", "", start_command},
    {"container stop", "", stop_command},
    {"container restart", "", restart_command},
    {"container kill", "", kill_command},
    {"container pause", "", pause_command},
    {"container unpause", "", unpause_command},
    {"container rm", "", rm_command},
    {"container rename", "", rename_command},
    {"container wait", "", wait_command},
    {"container attach", "", attach_command},
    {"container exec", "", exec_command},
    {"container ls", "", ps_command},
    {"container ps", "", ps_command},
    {"container list", "", ps_command},
    {"container logs", "", logs_command},
    {"container port", "", port_command},
    {"container stats", "", stats_command},
    {"container update", "", update_command},
    {"container top", "", top_command},
    {"container inspect", "", container_inspect_command},
    {"container cp", "", cp_command},
    {"container diff", "", diff_command},
    {"container export", "", export_command},
    {"container commit", "", commit_command},
    {"image ls", "", images_command},
    {"image list", "", images_command},
    {"image pull", "", pull_command},
    {"image push", "", push_command},
    {"image load", "", load_command},
    {"image save", "", save_command},
    {"image import", "", import_command},
    {"image tag", "", tag_command},
    {"image rm", "", rmi_command},
    {"image history", "", history_command},
    {"image inspect", "", image_inspect_command},
    {"system df", "Show docker disk usage", df_command},
    {"system info", "", info_command},
    {"system events", "", events_command},
    {"volume list", "", volume_ls_command},
    {"volume remove", "", volume_rm_command},
    {"network list", "", network_ls_command},
    {"network remove", "", network_rm_command},
};

}  // namespace

std::span<const Command> commands() {
    return kCommands;
}

}  // namespace berth::cli
