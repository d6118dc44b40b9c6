#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// Unix sockets that callers give by path, and descriptors sent over them.
namespace berth::executor {

// Connects to a stream socket, however long its path.
Result<UniqueFd> connect_unix(const std::string& path);
Result<> send_descriptor(int socket, int fd, const std::string& text);
// One message with one descriptor.
Result<UniqueFd> receive_descriptor(int socket);

}  // namespace berth::executor
