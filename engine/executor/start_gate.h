#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// What init waits at between create and start: the fifo ROOT/ID/exec.fifo, full to the brim. Init's write(2)
// of one byte more blocks until `start` reads; a filter that lets a program run at all has to allow write(2).
// What start reads is
//
//   \0 … \0   what the fifo was filled with
//   0         init has passed
//   text      why a startContainer hook failed; nothing otherwise
//
// and then end of file: init's descriptor is closed by execve or by its death.
namespace berth::executor {

Result<UniqueFd> make_start_gate(const std::string& path);

// Init's side: blocks until `start`; false when that can never be.
bool pass_gate(int gate);
void tell_failure(int gate, const std::string& text);

// The side of `start`: lets init through, takes the fifo away and waits for what becomes of init. kConflict
// when somebody else did so before, or init is dead; kInternal with init's own text.
Result<> open_gate(const std::string& path);

}  // namespace berth::executor
