#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"

namespace berth::spec {

struct ResolvedUser {
    oci::User user;  // the primary group leads additional_gids
    std::string home = "/";
};

// Who "", "user", "uid", "user:group" … means in the root filesystem at `root_fd`. Digits are that number,
// never a name; 0 to 2147483647. Names come from /etc/passwd and /etc/group there, regular files read inside
// the root, at most 4 MiB. A uid that passwd has brings its group, its supplementary groups and HOME; an
// explicit group brings no others. `groups` is --group-add. kInvalidArgument: "unable to find user X: no
// matching entries in passwd file" and the like.
Result<ResolvedUser> look_up_user(int root_fd, std::string_view text,
                                  const std::vector<std::string>& groups = {});

}  // namespace berth::spec
