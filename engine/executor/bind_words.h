#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"
#include "engine/sys/mount_options.h"

namespace berth::executor {

// The option words of a bind, made complete the way runc's callers mean them: a bind without any flag keeps
// those of its source; with one, ro, nosuid, nodev, noexec and nosymfollow are as the words say and off where
// they say nothing. Of the time stamps only a mode that is named (noatime, relatime, strictatime, nodiratime)
// changes anything. With `locked` (a user namespace, which may not take away what the host has set) the
// source's flags stay where nothing is said; kForbidden where it is said.
Result<std::vector<std::string>> bind_words(const oci::SpecMount& mount, const sys::MountOptions& options,
                                            bool locked);

}  // namespace berth::executor
