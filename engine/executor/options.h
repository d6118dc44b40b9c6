#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::executor {

// Of checkpoint and restore.
struct CriuOptions {
    std::string image_path = "checkpoint", work_path, parent_path, page_server, cgroups_mode;
    std::string lsm_profile, lsm_mount_context;
    std::vector<std::string> empty_ns;
    bool leave_running = false, tcp_established = false, tcp_skip_in_flight = false, link_remap = false;
    bool ext_unix_sk = false, shell_job = false, lazy_pages = false, file_locks = false, pre_dump = false;
    bool auto_dedup = false;
    int status_fd = -1;
};

// runc's global options and one subcommand's own.
struct Options {
    std::string root;
    std::string log_path;
    bool log_json = false;
    bool debug = false;
    bool rootless = false;  // without a cgroup of its own a container may do with the caller's

    std::string command;
    bool help = false;
    std::string bundle = ".";
    std::string pid_file, console_socket, pidfd_socket;
    int preserve_fds = 0;
    bool no_pivot = false, no_new_keyring = false, force = false, all = false, quiet = false;
    bool detach = false, keep = false, no_subreaper = false;
    int start_line = -1;  // of create, see start.h
    std::string format = "table";
    // exec
    std::string process_file, cwd, user, apparmor, process_label;
    std::vector<std::string> env, additional_gids, caps, cgroups;
    bool tty = false, no_new_privs = false, ignore_paused = false;
    // update: what was given, by the flag's name
    std::map<std::string, std::string> limits;
    std::string resources_file;
    // events
    std::string interval = "5s";
    bool stats = false;
    CriuOptions criu;
    // spec
    bool rootless_spec = false;
    std::vector<std::string> arguments;  // the container's id first
};

// One flag: what sets it, and what help says about it.
struct Flag {
    std::string names;  // "bundle, b"
    bool takes_value = false;
    std::string usage;
    std::function<Result<>(const std::string&)> set;
};
std::vector<Flag> global_flags(Options& options);
std::vector<Flag> command_flags(Options& options);

// "flag provided but not defined: -x", "Incorrect Usage: …" and the like, as runc words them.
Result<Options> parse_options(const std::vector<std::string>& words);

}  // namespace berth::executor
