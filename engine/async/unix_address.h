#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::async {

// The address of a socket file. A path that sun_path cannot hold is reached through a descriptor of its
// folder, which this object keeps open for as long as the address is used.
struct UnixAddress {
    sockaddr_un name{};
    socklen_t size = 0;
    UniqueFd folder;

    static Result<UnixAddress> of(const std::string& path);
};

}  // namespace berth::async
