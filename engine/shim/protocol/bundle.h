#pragma once

// The files of a bundle, STATE/tasks/ID/ (0700). The shim's working directory is the bundle, so their names
// are also its paths.
namespace berth::shim {

// What a shim is started with.
inline constexpr int kControlDescriptor = 3;  // its first connection
inline constexpr int kRuntimeDescriptor = 4;  // the runtime's program, if it is a sealed copy; else /dev/null

inline constexpr char kConfigFile[] = "config.json";  // the OCI runtime spec; the supervisor's
inline constexpr char kTaskFile[] = "task";           // task_file.h; the supervisor's
inline constexpr char kRootFolder[] =
    "rootfs";  // empty: the root is mounted here in the container's namespace
// One place for each mount that is handed over, "0", "1", …: an empty folder or file.
inline constexpr char kMountsFolder[] = "mounts";
inline constexpr char kSocketFile[] = "shim.sock";        // 0600; answers as long as the shim lives
inline constexpr char kConsoleSocket[] = "console.sock";  // only while the runtime creates a terminal
inline constexpr char kPidFile[] = "init.pid";            // the runtime's --pid-file
inline constexpr char kRuntimeLog[] = "log.json";         // the runtime's --log
inline constexpr char kExitFile[] = "exit";               // exit_record.h; the last thing a container leaves

}  // namespace berth::shim
