#pragma once

#include <cstdint>

#include "engine/confine/helper.h"

namespace berth::confine {

struct CopyReport {
    std::uint64_t bytes = 0;
    std::uint64_t entries = 0;
};

// Copies what is below `source_fd` into `target_fd` (both folders, opened for reading; the source may lie in
// a detached mount), with owners, modes, extended attributes, ACLs, times, hard links and holes; devices,
// FIFOs, sockets and links as such. It may take as long as it gets on. Nothing is followed, and other file
// systems mounted below the source are not entered. `target_fd` itself takes over the owner, mode and times
// of `source_fd`. A name that the target has already is kConflict. Synced when it returns.
Result<CopyReport> copy_tree(HelperOptions options, int source_fd, int target_fd);

}  // namespace berth::confine
