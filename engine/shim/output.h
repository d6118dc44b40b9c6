#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/logs/log_driver.h"
#include "engine/logs/replay.h"
#include "engine/shim/attach_client.h"
#include "engine/shim/input.h"
#include "engine/shim/loop.h"

namespace berth::shim {

// Carries what the container writes to its log and to every attached client. A client that is behind is
// given the rest from the log, in its own time, where the log has it as it was; where not, and with a
// terminal, nothing more is read while it is behind, so the container waits.
class Output {
 public:
    struct Events {
        std::function<void()> drained;  // after drain(): all sources have ended, the log is flushed
        std::function<void()> idle;     // after the end: no client has anything left to read
        // The log cannot be written, or can be again: once each time.
        std::function<void(std::string)> trouble;
    };
    Output(Loop& loop, std::unique_ptr<logs::LogDriver> log, bool framed, Events events);

    void add_source(UniqueFd fd, logs::Stream stream);
    void add_client(UniqueFd socket, std::uint8_t streams, Input& input, std::function<void()> input_ended);
    // The process is gone: reads the sources to their end, without waiting for clients, and calls drained();
    // what is not there within `limit` is given up (a process outside holds the pipe).
    void drain(std::chrono::milliseconds limit);
    bool has_clients() const { return !clients_.empty(); }
    void resume_input();

 private:
    struct Source {
        UniqueFd fd;
        logs::Stream stream;
        logs::LineCutter cutter;
        std::unique_ptr<Watch> watch;
    };
    void read_source(Source& source);
    void end_source(Source& source);
    void deliver(Source& source, std::string_view bytes);
    // A client that is behind leaves the live stream, and comes back to it.
    void fall_behind(AttachClient& client);
    void catch_up(AttachClient& client);
    bool holds_up(const AttachClient& client) const;
    void note(Result<> logged);
    void follow_log();
    void regulate();
    void finish();

    struct Lag {
        std::shared_ptr<logs::Replay> log;
        std::map<logs::Stream, std::size_t> sent;  // of the line that was no record yet when it fell behind
    };

    Loop& loop_;
    std::unique_ptr<logs::LogDriver> log_;
    bool framed_;
    Events events_;
    std::vector<std::unique_ptr<Source>> sources_;
    std::vector<std::unique_ptr<AttachClient>> clients_;
    std::map<const AttachClient*, Lag> behind_;
    std::unique_ptr<Watch> log_watch_;  // while the log's receiver is slow
    Loop::Timer limit_ = 0;             // of drain()
    std::uint64_t lost_ = 0;            // records, as far as it was told
    bool draining_ = false, log_ending_ = false, ended_ = false, in_trouble_ = false;
};

}  // namespace berth::shim
