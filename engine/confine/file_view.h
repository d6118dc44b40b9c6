#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/confine/file_task.h"

namespace berth::confine {

// A view as arguments of the helper, behind those of the task:
//   "joined"                                             kTargetFd is a mount namespace
//   "mounted" ("ro" | "rw") (TYPE SOURCE TARGET N OPTION*N)*    kTargetFd is a detached mount, the root
void append_view(const FileView& view, std::vector<std::string>& arguments);

struct ViewRules {
    bool read_only_root = false;
};
// In the helper: makes the view what it sees, with its root as "/" and as kTargetFd, and shuts it in.
// `root_alone`: kTargetFd is to be the root without what is mounted on it.
// Targets of mounts that are missing are made for `owner`.
Result<ViewRules> enter_view(std::span<char* const> arguments, bool root_alone, const Owner& owner);

}  // namespace berth::confine
