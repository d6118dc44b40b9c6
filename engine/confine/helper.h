#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/id_maps.h"
#include "engine/base/result.h"

// What the calls that start berth-helper share. The helper is a program that lives for one task, shut
// in: its own mount namespace with the target as root, only the capabilities the task needs, no_new_privs,
// seccomp, Landlock where the kernel has it, limits on memory, files and processor time. All calls here
// block; any thread may make them. Nothing is left running when one returns: the helper is killed first.
namespace berth::confine {

// A byte stream to read: fills up to `size` bytes, 0 at the end. What it fails with is what the call fails
// with.
using Reader = std::function<Result<std::size_t>(char* buffer, std::size_t size)>;

struct HelperOptions {
    std::string path;  // of berth-helper
    // How long the helper may go without taking input or finishing: kDeadlineExceeded, and it is killed.
    std::chrono::milliseconds stall{std::chrono::minutes(5)};
    // Files belong to a user namespace with these: what an archive says is an id inside. What the helper
    // makes of its own accord belongs to the root there.
    IdMaps ids{};
};

// The helper's program and arguments, its task first.
std::vector<std::string> helper_command(const HelperOptions& options, std::vector<std::string> task);

}  // namespace berth::confine
