#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/logs/file_reader.h"
#include "engine/logs/log_driver.h"
#include "engine/logs/log_reader.h"

namespace berth::logs {

// One record of Docker's json-file, as dockerd writes it, byte for byte:
//   {"log":"a line\n","stream":"stdout","attrs":{"tag":"x"},"time":"2026-11-21T01:20:00.123456789Z"}\n
// Bytes that are no UTF-8 become U+FFFD; an empty piece has no "log". `attributes` as json_object() gives
// them, or "".
void append_json_record(std::string& out, Stream stream, Timestamp time, std::string_view line, bool partial,
                        std::string_view attributes);

// {"a":"b"}, or "" for no members.
std::string json_object(const Options& members);

// The line at the front of `bytes`; other keys and their order do not matter.
Taken take_json_record(std::string_view bytes, Record& record);

// The text under `key` of a flat JSON object in one line. Nothing if it is not there or no text.
std::optional<std::string> json_text_field(std::string_view line, std::string_view key);

}  // namespace berth::logs
