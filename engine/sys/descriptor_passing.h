#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// Descriptors beside the bytes of a unix socket (SCM_RIGHTS).
namespace berth::sys {

constexpr std::size_t kMostDescriptors = 64;  // in one message

// As send(2) with these flags and MSG_NOSIGNAL: how many bytes went. `fds` go with the first of them.
Result<std::size_t> send_with_descriptors(int socket, std::string_view bytes, std::span<const int> fds,
                                          int flags = 0);

// As recv(2) with these flags; what came beside the bytes is appended to `fds`, O_CLOEXEC. 0: the peer has
// ended. More than kMostDescriptors at once are an error.
Result<std::size_t> receive_with_descriptors(int socket, std::span<char> buffer, std::vector<UniqueFd>& fds,
                                             int flags = 0);

}  // namespace berth::sys
