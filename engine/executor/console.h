#pragma once

#include <optional>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// Whether the terminal is also bound over /dev/console: that of a container's first process is.
enum class ConsoleNode { kMake, kLeave };

// Inside the container, /dev/pts mounted and masks in place: makes a pair, sends the master over the socket,
// and makes the slave the controlling terminal and descriptors 0 to 2. With `plain_lines` they end without a
// return: whoever relays the terminal to another one has that do it.
Result<> take_terminal(int console_fd, const std::optional<oci::Box>& size, uid_t owner, ConsoleNode node,
                       bool plain_lines);

}  // namespace berth::executor
