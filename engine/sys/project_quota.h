#pragma once

#include <cstdint>
#include <string>

#include "engine/base/result.h"

// Project quotas (xfs and ext4 mounted with prjquota): a limit for all that lies in one folder. The folder
// carries a number that what is made in it inherits; the file system keeps numbers and limits over restarts,
// so nothing is to be remembered here. Calls on one file system come one after another.
namespace berth::sys {

// Whether the file system of `folder` counts projects and holds them to their limits. `scratch`: a folder on
// a file system that allows device nodes, for kernels without quotactl_fd (before 5.14).
bool can_limit_folders(const std::string& folder, const std::string& scratch);

// Limits the (empty) folder to `bytes`; again for a folder that has a number of its own already. The number
// is one that nothing else on the file system uses, above that of the folder's parent.
Result<> limit_folder(const std::string& folder, std::uint64_t bytes, const std::string& scratch);
// Gives the number back. For a folder about to be removed; one without a limit is no error.
Result<> unlimit_folder(const std::string& folder, const std::string& scratch);

}  // namespace berth::sys
