#pragma once

#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

Result<> set_rlimits(const std::vector<oci::Rlimit>& limits);
// Groups, group, user, umask; capabilities are kept over the change and set by the caller afterwards.
Result<> become_user(const oci::User& user);

}  // namespace berth::executor
