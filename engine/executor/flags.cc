#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include "engine/executor/options.h"

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

Flag text(const char* names, std::string& target, const char* usage) {
    return {names, true, usage, [&target](const std::string& value) -> Result<> {
                target = value;
                return {};
            }};
}

Flag toggle(const char* names, bool& target, const char* usage) {
    return {names, false, usage, [&target](const std::string& value) -> Result<> {
                target = value != "false";
                return {};
            }};
}

// Repeatable.
Flag list(const char* names, std::vector<std::string>& target, const char* usage) {
    return {names, true, usage, [&target](const std::string& value) -> Result<> {
                target.push_back(value);
                return {};
            }};
}

Flag preserve_fds(Options& options) {
    return {
        "preserve-fds", true,
        "Pass N additional file descriptors to the container (stdio + $LISTEN_FDS + N in total) (default: 0)",
        [&options](const std::string& value) -> Result<> {
            char* end = nullptr;
            long number = std::strtol(value.c_str(), &end, 10);
            if (value.empty() || *end != '\0' || number < 0 || number > 1024)
                return bad("invalid value \"" + value + "\" for flag -preserve-fds");
            options.preserve_fds = static_cast<int>(number);
            return {};
        }};
}

Flag limit(Options& options, const char* name, const char* usage) {
    return {name, true, usage, [&options, name](const std::string& value) -> Result<> {
                options.limits[name] = value;
                return {};
            }};
}

std::vector<Flag> exec_flags(Options& options) {
    return {
        text("console-socket", options.console_socket,
             "path to an AF_UNIX socket which will receive a file descriptor referencing the master end of "
             "the "
             "console's pseudoterminal"),
        text("pidfd-socket", options.pidfd_socket,
             "path to an AF_UNIX socket which will receive a file descriptor referencing the exec process"),
        text("cwd", options.cwd, "current working directory in the container"),
        list("env, e", options.env, "set environment variables"),
        toggle("tty, t", options.tty, "allocate a pseudo-TTY"),
        text("user, u", options.user, "UID (format: <uid>[:<gid>])"),
        list("additional-gids, g", options.additional_gids, "additional gids"),
        text("process, p", options.process_file, "path to the process.json"),
        toggle("detach, d", options.detach, "detach from the container's process"),
        text("pid-file", options.pid_file, "specify the file to write the process id to"),
        text("process-label", options.process_label,
             "set the asm process label for the process commonly used with selinux"),
        text("apparmor", options.apparmor, "set the apparmor profile for the process"),
        toggle("no-new-privs", options.no_new_privs, "set the no new privileges value for the process"),
        list("cap, c", options.caps, "add a capability to the bounding set for the process"),
        preserve_fds(options),
        list("cgroup", options.cgroups,
             "run the process in an (existing) sub-cgroup(s). Format is [<controller>:]<cgroup>."),
        toggle("ignore-paused", options.ignore_paused, "allow exec in a paused container")};
}

Flag number(const char* name, int& target, const char* usage) {
    return {name, true, usage, [name, &target](const std::string& value) -> Result<> {
                auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), target);
                if (error == std::errc() && end == value.data() + value.size()) return {};
                return bad("invalid value \"" + value + "\" for flag -" + name);
            }};
}

std::vector<Flag> create_flags(Options& options) {
    std::vector<Flag> flags = {
        text("bundle, b", options.bundle,
             "path to the root of the bundle directory, defaults to the current directory"),
        text("console-socket", options.console_socket,
             "path to an AF_UNIX socket which will receive a file descriptor referencing the master end of "
             "the "
             "console's pseudoterminal"),
        text("pidfd-socket", options.pidfd_socket,
             "path to an AF_UNIX socket which will receive a file descriptor referencing the init process"),
        text("pid-file", options.pid_file, "specify the file to write the process id to"),
        toggle("no-pivot", options.no_pivot,
               "do not use pivot root to jail process inside rootfs.  This should be used whenever the "
               "rootfs is on top "
               "of a ramdisk"),
        toggle("no-new-keyring", options.no_new_keyring,
               "do not create a new session keyring for the container.  This will cause the container to "
               "inherit the "
               "calling processes session key"),
        preserve_fds(options)};
    if (options.command == "create") {
        flags.push_back(number("start-line", options.start_line,
                               "descriptor of a socket that hears when the container is created and on which "
                               "it may be started, instead of by a command of its own"));
        return flags;
    }
    flags.push_back(toggle("detach, d", options.detach, "detach from the container's process"));
    flags.push_back(toggle("keep", options.keep, "do not delete the container after it exits"));
    flags.push_back(toggle("no-subreaper", options.no_subreaper,
                           "disable the use of the subreaper used to reap reparented processes"));
    return flags;
}

// Of both.
std::vector<Flag> criu_flags(CriuOptions& criu) {
    return {text("image-path", criu.image_path, "path of the criu image files (default: \"checkpoint\")"),
            text("work-path", criu.work_path, "path for saving work files and logs"),
            toggle("tcp-established", criu.tcp_established, "allow open tcp connections"),
            toggle("ext-unix-sk", criu.ext_unix_sk, "allow external unix sockets"),
            toggle("shell-job", criu.shell_job, "allow shell jobs"),
            toggle("lazy-pages", criu.lazy_pages, "use userfaultfd to lazily restore memory pages"),
            toggle("file-locks", criu.file_locks, "handle file locks, for safety"),
            text("manage-cgroups-mode", criu.cgroups_mode,
                 "cgroups mode: soft|full|strict|ignore (default: soft)"),
            list("empty-ns", criu.empty_ns, "create a namespace, but don't restore its properties"),
            toggle("auto-dedup", criu.auto_dedup, "enable auto deduplication of memory images")};
}

std::vector<Flag> checkpoint_flags(CriuOptions& criu) {
    std::vector<Flag> flags = criu_flags(criu);
    flags.push_back(text("parent-path", criu.parent_path, "path for previous criu image files in pre-dump"));
    flags.push_back(
        toggle("leave-running", criu.leave_running, "leave the process running after checkpointing"));
    flags.push_back(toggle("tcp-skip-in-flight", criu.tcp_skip_in_flight, "skip in-flight tcp connections"));
    flags.push_back(
        toggle("link-remap", criu.link_remap, "allow one to link unlinked files back when possible"));
    flags.push_back(
        number("status-fd", criu.status_fd, "criu writes \\0 to this FD once lazy-pages is ready"));
    flags.push_back(text("page-server", criu.page_server, "ADDRESS:PORT of the page server"));
    flags.push_back(
        toggle("pre-dump", criu.pre_dump,
               "dump container's memory information only, leave the container running after this"));
    return flags;
}

std::vector<Flag> restore_flags(Options& options) {
    std::vector<Flag> flags = criu_flags(options.criu);
    for (Flag& flag : create_flags(options)) {
        static constexpr std::string_view kShared[] = {"bundle, b", "console-socket", "pid-file",
                                                       "no-pivot",  "detach, d",      "no-subreaper"};
        if (std::find(std::begin(kShared), std::end(kShared), flag.names) != std::end(kShared))
            flags.push_back(std::move(flag));
    }
    flags.push_back(text("lsm-profile", options.criu.lsm_profile,
                         "Specify an LSM profile to be used during restore in the form of TYPE:NAME."));
    flags.push_back(text("lsm-mount-context", options.criu.lsm_mount_context,
                         "Specify an LSM mount context to be used during restore."));
    return flags;
}

std::vector<Flag> update_flags(Options& options) {
    return {
        text("resources, r", options.resources_file,
             "path to the file containing the resources to update or '-' to read from the standard input; "
             "all other "
             "options are ignored then"),
        limit(options, "blkio-weight", "Specifies per cgroup weight, range is from 10 to 1000 (default: 0)"),
        limit(options, "cpu-period",
              "CPU CFS period to be used for hardcapping (in usecs). 0 to use system default"),
        limit(options, "cpu-quota", "CPU CFS hardcap limit (in usecs). Allowed cpu time in a given period"),
        limit(options, "cpu-burst",
              "CPU CFS hardcap burst limit (in usecs). Allowed accumulated cpu time additionally for burst a "
              "given period"),
        limit(options, "cpu-share", "CPU shares (relative weight vs. other containers)"),
        limit(options, "cpu-rt-period",
              "CPU realtime period to be used for hardcapping (in usecs). 0 to use system default"),
        limit(options, "cpu-rt-runtime",
              "CPU realtime hardcap limit (in usecs). Allowed cpu time in a given period"),
        limit(options, "cpuset-cpus", "CPU(s) to use"),
        limit(options, "cpuset-mems", "Memory node(s) to use"),
        limit(options, "kernel-memory", "(obsoleted; do not use)"),
        limit(options, "kernel-memory-tcp", "(obsoleted; do not use)"),
        limit(options, "memory", "Memory limit (in bytes)"),
        limit(options, "memory-reservation", "Memory reservation or soft_limit (in bytes)"),
        limit(options, "memory-swap",
              "Total memory usage (memory + swap); set '-1' to enable unlimited swap"),
        limit(options, "pids-limit", "Maximum number of pids allowed in the container (default: 0)"),
        limit(options, "l3-cache-schema", "The string of Intel RDT/CAT L3 cache schema"),
        limit(options, "mem-bw-schema", "The string of Intel RDT/MBA memory bandwidth schema"),
        limit(options, "cpu-idle", "set cgroup SCHED_IDLE or not, 0: default behavior, 1: SCHED_IDLE")};
}

}  // namespace

std::vector<Flag> global_flags(Options& options) {
    Flag log_format{"log-format", true,
                    "set the log format ('text' (default), or 'json') (default: \"text\")",
                    [&options](const std::string& value) -> Result<> {
                        if (value != "text" && value != "json") return bad("invalid log-format: " + value);
                        options.log_json = value == "json";
                        return {};
                    }};
    Flag systemd{
        "systemd-cgroup", false,
        "enable systemd cgroup support, expects cgroupsPath to be of form \"slice:prefix:name\" for e.g. "
        "\"system.slice:runc:434234\" (not supported yet)",
        [](const std::string& value) -> Result<> {
            if (value == "false") return {};
            return bad("--systemd-cgroup is not supported yet");
        }};
    Flag rootless{"rootless", true,
                  "ignore cgroup permission errors ('true', 'false', or 'auto') (default: \"auto\")",
                  [&options](const std::string& value) -> Result<> {
                      if (value != "true" && value != "false" && value != "auto")
                          return bad("invalid value \"" + value + "\" for flag -rootless");
                      if (value != "auto") options.rootless = value == "true";
                      return {};
                  }};
    return {
        toggle("debug", options.debug, "enable debug logging"),
        text("log", options.log_path, "set the log file to write runc logs to (default is '/dev/stderr')"),
        log_format,
        text("root", options.root,
             "root directory for storage of container state (this should be located in tmpfs)"),
        systemd,
        rootless};
}

std::vector<Flag> command_flags(Options& options) {
    const std::string& command = options.command;
    const char* formats = "select one of: table or json (default: \"table\")";
    if (command == "create" || command == "run") return create_flags(options);
    if (command == "exec") return exec_flags(options);
    if (command == "update") return update_flags(options);
    if (command == "checkpoint") return checkpoint_flags(options.criu);
    if (command == "restore") return restore_flags(options);
    if (command == "delete") {
        return {toggle("force, f", options.force,
                       "Forcibly deletes the container if it is still running (uses SIGKILL)")};
    }
    if (command == "kill")
        return {
            toggle("all, a", options.all, "send the specified signal to all processes inside the container")};
    if (command == "ps") return {text("format, f", options.format, formats)};
    if (command == "list") {
        return {text("format, f", options.format, formats),
                toggle("quiet, q", options.quiet, "display only container IDs")};
    }
    if (command == "events") {
        return {text("interval", options.interval, "set the stats collection interval (default: 5s)"),
                toggle("stats", options.stats, "display the container's stats then exit")};
    }
    if (command == "spec") {
        return {
            text("bundle, b", options.bundle, "path to the root of the bundle directory"),
            toggle("rootless", options.rootless_spec, "generate a configuration for a rootless container")};
    }
    return {};
}

}  // namespace berth::executor
