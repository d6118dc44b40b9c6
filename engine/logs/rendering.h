#pragma once

#include <string>

#include "engine/logs/log_reader.h"

namespace berth::logs {

// How `docker logs` is to see a record.
struct Rendering {
    bool framed = true;  // behind Docker's head of 8 bytes: stream and size
    bool timestamps = false, details = false;
};

// Appends it: its head, "2026-11-21T01:20:00.500000000Z ", its attributes "a=1,b=2 " as an URL's query has
// them, and its text.
void append_rendered(std::string& out, const Record& record, const Rendering& how);

}  // namespace berth::logs
