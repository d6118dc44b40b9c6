#pragma once

#include <functional>
#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// Network namespaces kept by a handle: a file with the namespace bind-mounted on it, so that it has a path,
// and lives on while neither the daemon nor a process of the container does.
namespace berth::network {

// Makes a namespace and its handle at `handle` (which must not exist, its folder must), runs `inside` in it,
// and leaves nothing behind if that fails. Whatever opens sockets or writes /proc/sys/net in `inside` does so
// in the new namespace; `inside` gets a descriptor of it. Runs on a thread of its own, which ends with the
// call: no thread of the process is ever found in the wrong namespace. With `from` the namespace at that path
// gets the handle instead of a new one.
Result<> create_netns(const std::string& handle, const std::function<Result<>(int netns_fd)>& inside,
                      const std::string& from = {});

// Runs `inside` in an existing namespace.
Result<> inside_netns(const std::string& handle, const std::function<Result<>()>& inside);

// Whether a namespace is mounted on `handle`.
bool is_netns(const std::string& handle);

// Takes the handle away; the namespace goes when its last process has. A missing handle is no error.
Result<> remove_netns(const std::string& handle);

}  // namespace berth::network
