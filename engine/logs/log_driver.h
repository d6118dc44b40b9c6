#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/base/time.h"

namespace berth::logs {

enum class Stream : std::uint8_t { kStdout = 1, kStderr = 2 };  // the numbers of Docker's frames

using Options = std::map<std::string, std::string>;  // HostConfig.LogConfig.Config

// What a container's log is to be.
struct LogPlan {
    std::string driver;
    std::string path;  // the file; of a driver that has none, its cache's
    Options options;
    Options attributes;  // what each record carries, by the driver's own names
    std::string tag;
};

class Replay;

// Where a container's output is kept. One thread; the shim's.
class LogDriver {
 public:
    virtual ~LogDriver() = default;
    // One line without its newline; `partial` when the line goes on in a next record of the same stream. What
    // is written may lie in memory until flush(). After an error the record is kept for the next try where
    // there is room; else it counts as lost.
    virtual Result<> write(Stream stream, Timestamp time, std::string_view line, bool partial) = 0;
    virtual Result<> flush() = 0;
    // Records that are gone for good.
    virtual std::uint64_t lost() const { return 0; }

    // What is written from now on, to be read back. Null where the log does not give back all that it gets,
    // or has trouble. The writer keeps it up to date as long as somebody holds it.
    virtual std::shared_ptr<Replay> replay() { return nullptr; }

    // For drivers that hand records on to somebody who may be slow.
    // A descriptor that becomes ready when flush() or end() can get further; -1: nothing to wait for.
    struct Wait {
        int fd = -1;
        bool to_write = false;
    };
    virtual Wait waiting() const { return {}; }
    // Whether the container is to be held up until then.
    virtual bool behind() const { return false; }
    // No more records come: true once all of them are where they belong. Called again when waiting() is
    // ready.
    virtual bool end() { return true; }
};

// Opens, or goes on with, the log of a container. "none" keeps nothing. An unknown driver or option is
// kInvalidArgument with its name in the text. Blocking, for a short while also on a log server.
Result<std::unique_ptr<LogDriver>> open_log(const LogPlan& plan);

// The same for the drivers that need no berth-logger, without a cache: json-file, local, journald.
Result<std::unique_ptr<LogDriver>> open_own_log(const LogPlan& plan);

// What open_log() would say about the options, without opening anything: for POST /containers/create.
Result<> check_log_options(const std::string& driver, const Options& options);

// A container's output as bytes, cut into lines of at most 16 KiB as dockerd's copier does. One per stream.
class LineCutter {
 public:
    LineCutter(LogDriver& driver, Stream stream) : driver_(driver), stream_(stream) {}
    Result<> add(std::string_view bytes);
    // What has come of a line that is no record yet.
    std::string_view rest() const { return rest_; }
    // The stream has ended: what has no newline yet is a record too.
    Result<> finish();

 private:
    Result<> emit(std::string_view line, bool partial);

    LogDriver& driver_;
    Stream stream_;
    std::string rest_;           // the line so far
    Timestamp partial_since_{};  // all records of a long line carry the time of its first
    bool in_partial_ = false;
};

}  // namespace berth::logs
