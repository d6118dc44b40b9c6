#pragma once

#include <cstdint>
#include <string>

namespace berth::registry {

// The lines of a pull, as the docker CLI draws them: {"status":…}, with the "id" of the line they belong to.
// What is said of something that moves has an empty "progressDetail"; a message has none.
std::string status_line(const std::string& status);
std::string message_line(const std::string& message, const std::string& id);
std::string status_line(const std::string& status, const std::string& id);
// {"status","progressDetail":{"current","total"},"id"}
std::string progress_line(const std::string& status, const std::string& id, std::uint64_t current,
                          std::uint64_t total);

}  // namespace berth::registry
