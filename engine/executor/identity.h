#pragma once

#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// Of the process `pid` (0: the caller).
Result<> set_rlimits(pid_t pid, const std::vector<oci::Rlimit>& limits);
// Inside a user namespace that was just made or joined: root there.
Result<> become_root_here();
// Groups, group, user, umask; capabilities are kept over the change and set by the caller afterwards.
Result<> become_user(const oci::User& user);
// The standard streams belong to the user, who may want to open /dev/stdout.
void own_streams(const oci::User& user);
// The same before that, with the host's rights, for whoever is root of a user namespace with these mappings:
// from in there nobody can own a stream of the host's.
void lend_streams(const oci::Linux& linux_part);
// Each name once, with its last value; HOME as /etc/passwd has it where it is missing or empty.
void complete_environment(std::vector<std::string>& environment, uid_t uid);

}  // namespace berth::executor
