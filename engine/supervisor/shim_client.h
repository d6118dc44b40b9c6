#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/async/async.h"
#include "engine/async/event.h"
#include "engine/base/unique_fd.h"
#include "engine/shim/protocol/messages.h"

namespace berth::supervisor {

// A control connection to one shim. Io thread only.
class ShimClient {
 public:
    struct Events {
        std::function<void(shim::ExitRecord)> exited;
        std::function<void(shim::ExecExit)> exec_exited;
        std::function<void(shim::Health)> health;
        std::function<void(std::string)> notice;
    };
    ShimClient(IoContext& io, UniqueFd socket, Events events);
    ~ShimClient();
    ShimClient(const ShimClient&) = delete;

    // Reads answers and events until the shim is gone; run once, as a task. Every question still open is then
    // answered with kUnavailable.
    Async<void> serve();
    // Asks, and waits for the answer; as long as the shim lives, for kCreate, kStart and kExec (a
    // runtime takes what it takes), else with a deadline. `fd` travels along if it is there.
    Async<Result<std::string>> ask(shim::MessageType type, std::string payload, UniqueFd fd);
    // Says something that has no answer.
    void tell(shim::MessageType type, std::string_view payload);
    // kHello: what the shim says of itself.
    Async<Result<shim::Status>> greet();
    // Nothing can be asked any more.
    bool lost() const { return gone_; }
    // Ends serve().
    void close();

 private:
    struct Question {
        explicit Question(IoContext& io) : answered(io) {}
        async::Event answered;
        Result<std::string> answer;
    };
    struct Socket;
    void take(shim::Frame frame);
    void fail_all();

    IoContext& io_;
    std::unique_ptr<Socket> socket_;
    Events events_;
    shim::FrameBuffer frames_;
    std::map<std::uint32_t, std::shared_ptr<Question>> questions_;
    std::uint32_t last_tag_ = 0;
    bool gone_ = false;
};

}  // namespace berth::supervisor
