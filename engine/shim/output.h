#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/logs/log_driver.h"
#include "engine/shim/attach_client.h"
#include "engine/shim/input.h"
#include "engine/shim/loop.h"

namespace berth::shim {

// Carries what the container writes to its log and to every attached client. While a client is behind,
// nothing more is read, so the container waits; with none attached only the log decides.
class Output {
 public:
    struct Events {
        std::function<void()> drained;  // after drain(): all sources have ended, the log is flushed
        std::function<void()> idle;     // after the end: no client has anything left to read
        std::function<void(std::string)> trouble;  // the log cannot be written: once each time it begins
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
    void note(Result<> logged);
    void regulate();
    void finish();

    Loop& loop_;
    std::unique_ptr<logs::LogDriver> log_;
    bool framed_;
    Events events_;
    std::vector<std::unique_ptr<Source>> sources_;
    std::vector<std::unique_ptr<AttachClient>> clients_;
    Loop::Timer limit_ = 0;  // of drain()
    bool draining_ = false, ended_ = false, in_trouble_ = false;
};

}  // namespace berth::shim
