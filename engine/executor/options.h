#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::executor {

// runc's global options and one subcommand's own.
struct Options {
    std::string root = "/run/berth/runtime";
    std::string log_path;
    bool log_json = false;
    bool debug = false;

    std::string command;
    std::string bundle = ".";
    std::string pid_file, console_socket;
    int preserve_fds = 0;
    bool no_pivot = false, no_new_keyring = false, force = false, all = false, quiet = false;
    std::string format = "table";
    // exec
    std::string process_file, cwd, user;
    std::vector<std::string> env, additional_gids, caps;
    bool detach = false, tty = false, no_new_privs = false, ignore_paused = false;
    std::vector<std::string> arguments;  // the container's id first
};

// "flag provided but not defined: -x", "Incorrect Usage: …" and the like, as runc words them.
Result<Options> parse_options(const std::vector<std::string>& words);

}  // namespace berth::executor
