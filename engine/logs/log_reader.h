#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/logs/log_driver.h"

namespace berth::logs {

struct ReadOptions {
    bool with_stdout = true, with_stderr = true;
    std::optional<std::uint64_t> tail;      // the last n records of all streams; absent: all
    std::optional<Timestamp> since, until;  // since <= time <= until, as docker logs has it
    bool follow = false;
};

struct Record {
    Stream stream = Stream::kStdout;
    Timestamp time{};
    std::string text;  // with its newline; a piece of a long line has none
    std::vector<std::pair<std::string, std::string>> attributes;
};

enum class Progress {
    kMore,     // call read() again
    kWaiting,  // nothing new: call read() when notify_fd() is readable or finish() was called (follow only)
    kEnd,
};

// Reads a container's log files, also while the shim writes and rotates them, without a lock. Blocking calls
// that end soon: each read() handles at most about 1 MiB of the file, so a coroutine runs them on the
// blocking pool one by one, and where there is nothing more waits for notify_fd() (an inotify descriptor) to
// be readable. It is not to be used by two threads at the same time.
class LogReader {
 public:
    virtual ~LogReader() = default;
    // Shows `out` some records, each for the time of its call.
    virtual Result<Progress> read(const std::function<void(const Record&)>& out) = 0;
    // -1 unless the options say follow.
    virtual int notify_fd() const = 0;
    // Records that could not be understood and were passed over.
    virtual std::uint64_t damaged() const = 0;
    // Nothing more will be written: read() gives what is left and then kEnd. Called between two reads.
    virtual void finish() = 0;
};

// How the log of a driver with these options is kept where it can be read: "json-file", "local" (a cache,
// too), or "none".
std::string readable_as(const std::string& driver, const Options& options);

// A log that does not exist yet reads as an empty one (and appears when following). Driver "none" is
// kInvalidArgument with Docker's text: configured logging driver does not support reading.
Result<std::unique_ptr<LogReader>> open_log_reader(const std::string& driver, const std::string& path,
                                                   ReadOptions options);

// Removes the log and its rotated files. For the removal of a container.
Result<> remove_logs(const std::string& path);

}  // namespace berth::logs
