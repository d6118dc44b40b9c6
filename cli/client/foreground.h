#pragma once

#include <optional>
#include <string>

#include "cli/client/engine.h"

namespace berth::cli {

// A container in the foreground: attached, started if asked, its streams and signals passed through, its end
// awaited.
struct Foreground {
    std::string id;
    bool tty = false;
    bool input = false, output = true, error = true;
    bool proxy_signals = true;
    bool start = false;
    bool remove = false;      // wait for the removal rather than the exit
    std::string detach_keys;  // "" = the engine's default
};

// Returns the exit code, or nothing when the user detached. An Error is the engine's.
Result<std::optional<int>> run_foreground(Engine& engine, Foreground plan);

}  // namespace berth::cli
