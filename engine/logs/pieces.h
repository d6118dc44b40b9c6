#pragma once

#include <string>

#include "engine/base/ids.h"
#include "engine/logs/log_driver.h"

namespace berth::logs {

// Which piece of a long line a record is, as Docker's drivers tell it.
struct Piece {
    std::string id;  // of the line; "": the record is a whole line
    int ordinal = 0;
    bool last = false;
};

// Counts the pieces of long lines, for each stream.
class PieceCounter {
 public:
    Piece next(Stream stream, bool partial) {
        Line& line = lines_[stream == Stream::kStderr ? 1 : 0];
        if (!partial && line.id.empty()) return {};
        if (line.id.empty()) line = {random_hex(32), 0};
        Piece piece{line.id, ++line.ordinal, !partial};
        if (!partial) line = {};
        return piece;
    }

 private:
    struct Line {
        std::string id;
        int ordinal = 0;
    };
    Line lines_[2];
};

}  // namespace berth::logs
