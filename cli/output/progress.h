#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth::cli {

// The engine's stream of JSON progress lines as text: on a terminal each id keeps its line and is drawn over,
// else every change of status is a line of its own. An "error" line ends it with that error.
class ProgressView {
 public:
    ProgressView(int fd, bool terminal, bool quiet) : fd_(fd), terminal_(terminal), quiet_(quiet) {}
    Result<> write(std::string_view bytes);

 private:
    Result<> line(std::string_view text);
    void draw(const std::string& id, const std::string& text);

    int fd_;
    bool terminal_, quiet_;
    std::string pending_;
    std::map<std::string, std::size_t> rows_;  // id -> its line, counted from the first
};

}  // namespace berth::cli
