#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/base/unique_fd.h"
#include "engine/shim/loop.h"

namespace berth::shim {

// What clients type, on its way to the container's stdin. A container that does not read holds the clients
// up.
class Input {
 public:
    // `fd`: the write end of a pipe or a terminal, non-blocking; none if stdin was not asked for. `on_room`
    // is called when full() has become false.
    Input(Loop& loop, UniqueFd fd, std::function<void()> on_room);

    bool full() const { return !pending_.empty(); }
    // Only while not full().
    void write(std::string_view bytes);
    // End of file for the container, after what is pending.
    void close();

 private:
    void flush();

    Loop& loop_;
    UniqueFd fd_;
    std::function<void()> on_room_;
    std::string pending_;
    bool closing_ = false;
    std::unique_ptr<Watch> watch_;
};

}  // namespace berth::shim
