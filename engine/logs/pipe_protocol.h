#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/logs/log_driver.h"

// What goes through the pipe from the shim to berth-logger, in this machine's byte order:
//   plan, once:  size (4) | driver, path, tag, number of options, key, value, …, number of attributes, key,
//   value, …
//                each a text: size (4) | bytes
//   then records: size of the rest (4) | stream (1) | partial (1) | time in ns (8) | line
// berth-logger answers "ok\n" on its standard output once its driver is open, or with the error and its end;
// later lines there say what is wrong.
namespace berth::logs {

std::string encode_plan(const LogPlan& plan);
void append_frame(std::string& out, Stream stream, Timestamp time, std::string_view line, bool partial);

// Takes a plan, or a record, from the front of `bytes`; nothing while it is not whole. A record's `line`
// points into what `bytes` showed.
struct Frame {
    Stream stream = Stream::kStdout;
    bool partial = false;
    Timestamp time{};
    std::string_view line;
};
std::optional<LogPlan> take_plan(std::string_view& bytes);
std::optional<Frame> take_frame(std::string_view& bytes);

}  // namespace berth::logs
