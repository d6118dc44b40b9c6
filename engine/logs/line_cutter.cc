#include "engine/logs/log_driver.h"

namespace berth::logs {

namespace {

constexpr std::size_t kMaxLine = 16 * 1024;

// Lines that come together take one look at the clock, and are a nanosecond apart: who goes on from the last
// time he has seen neither misses one nor sees it again. All streams of a container are read by one thread.
class Arrival {
 public:
    void now() {
        constexpr auto kClockSetBack = std::chrono::milliseconds(1);
        const Timestamp present = berth::now();
        if (present > last_ || last_ - present > kClockSetBack) last_ = present;
    }
    Timestamp next() { return last_ += std::chrono::nanoseconds(1); }

 private:
    Timestamp last_{};
};
thread_local Arrival arrival;

}  // namespace

Result<> LineCutter::emit(std::string_view line, bool partial) {
    Timestamp time = in_partial_ ? partial_since_ : arrival.next();
    if (partial && !in_partial_) partial_since_ = time;
    in_partial_ = partial;
    return driver_.write(stream_, time, line, partial);
}

Result<> LineCutter::add(std::string_view bytes) {
    arrival.now();
    Result<> out;
    auto note = [&](Result<> written) {
        if (!written && out) out = std::move(written);
    };
    while (!bytes.empty()) {
        std::string_view window = bytes.substr(0, kMaxLine - rest_.size());
        auto newline = window.find('\n');
        if (newline != std::string_view::npos) {
            std::string_view line = bytes.substr(0, newline);
            note(rest_.empty() ? emit(line, false) : emit(rest_.append(line), false));
            rest_.clear();
            bytes.remove_prefix(newline + 1);
            continue;
        }
        rest_ += window;
        bytes.remove_prefix(window.size());
        if (rest_.size() < kMaxLine) break;
        note(emit(rest_, true));
        rest_.clear();
    }
    return out;
}

Result<> LineCutter::finish() {
    if (rest_.empty()) return {};
    arrival.now();
    auto written = emit(rest_, true);
    std::string().swap(rest_);
    return written;
}

}  // namespace berth::logs
