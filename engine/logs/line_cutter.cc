#include "engine/logs/log_driver.h"

namespace berth::logs {

namespace {
constexpr std::size_t kMaxLine = 16 * 1024;
}

Result<> LineCutter::emit(std::string_view line, bool partial) {
    Timestamp time = in_partial_ ? partial_since_ : now();
    if (partial && !in_partial_) partial_since_ = time;
    in_partial_ = partial;
    return driver_.write(stream_, time, line, partial);
}

Result<> LineCutter::add(std::string_view bytes) {
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
    auto written = emit(rest_, true);
    std::string().swap(rest_);
    return written;
}

}  // namespace berth::logs
