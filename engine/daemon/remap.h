#pragma once

#include "engine/base/result.h"
#include "engine/daemon/config.h"

// userns-remap: "USER", "USER:GROUP", ids or names, or "default".
namespace berth::daemon {

// Whom the setting names and what /etc/subuid and /etc/subgid give him, into `config.ids`; root means no
// namespace. For "default" the user dockremap is made if it is not there. Error texts are dockerd's.
Result<> look_up_remap(Config& config);

// With the setting the data root is the folder UID.GID of the root that is mapped to, below the configured
// one: each map has a store of its own. Both are made so that he may walk through. An error if he may not
// walk to them or to the state root.
Result<> go_below(Config& config);

}  // namespace berth::daemon
