#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/base/unique_fd.h"
#include "engine/logs/log_driver.h"
#include "engine/shim/input.h"
#include "engine/shim/loop.h"

namespace berth::shim {

// One attached stream. The socket's buffer is what a client may be behind; beyond it, and one chunk, behind()
// says that the container has to wait.
class AttachClient {
 public:
    struct Events {
        std::function<void(AttachClient*)> caught_up;  // behind() has become false
        std::function<void()> input_ended;             // a client that had stdin has closed its side
        std::function<void(AttachClient*)> gone;
    };
    // `streams`: AttachStreams.
    AttachClient(Loop& loop, UniqueFd socket, std::uint8_t streams, bool framed, Input& input, Events events);

    bool wants(logs::Stream stream) const;
    void send(logs::Stream stream, std::string_view bytes);
    bool behind() const { return !pending_.empty(); }
    std::size_t backlog() const { return pending_.size(); }
    // It cannot be given all that it is to have: its stream ends here, and its client sees it broken.
    void give_up();
    // stdin has room again.
    void resume_input() { update(); }
    // No more output: the client reads end of file after what is pending, then it is gone.
    void end_output();

 private:
    void on_ready(std::uint32_t events);
    void read_input();
    void flush();
    void output_lost();
    void update();

    Loop& loop_;
    UniqueFd socket_;
    std::uint8_t streams_;
    bool framed_;
    bool reading_ = true;
    bool output_ended_ = false;
    bool hung_up_ = false;
    Input& input_;
    Events events_;
    std::string pending_;
    std::unique_ptr<Watch> watch_;
};

}  // namespace berth::shim
