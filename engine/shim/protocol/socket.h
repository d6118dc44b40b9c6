#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// Unix sockets that carry bytes and descriptors.
namespace berth::shim {

struct SocketPair {
    UniqueFd ours, theirs;  // both non-blocking, close-on-exec
};
Result<SocketPair> make_socket_pair();

// Sends all of `bytes` at once, with `fd` unless it is -1. Messages are far smaller than the socket's buffer:
// a peer whose buffer is full does not read any more, which is kUnavailable.
Result<> send_message(int socket, std::string_view bytes, int fd = -1);

// Appends what has arrived to `bytes` and `fds`. True: something came; false: nothing yet. kCancelled: the
// peer is gone.
Result<bool> receive(int socket, std::string& bytes, std::vector<UniqueFd>& fds);

// Listens on FOLDER/name, mode 0600 from the start. `name` is relative to the current folder.
Result<UniqueFd> listen_here(const std::string& name);
// Connects to FOLDER/name, however long the folder's path is. kUnavailable when nobody listens.
Result<UniqueFd> connect_in(const std::string& folder, const std::string& name);
// The peer's user must be ours (SO_PEERCRED), else kForbidden.
Result<> check_peer(int socket);

}  // namespace berth::shim
