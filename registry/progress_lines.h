#pragma once

#include <cstdint>
#include <string>

namespace berth::registry {

// The lines of a pull, as the docker CLI draws them: {"status":…}, with the "id" of the line they belong to.
std::string status_line(const std::string& status);
std::string status_line(const std::string& status, const std::string& id);
// {"status","progressDetail":{"current","total"},"id"}
std::string progress_line(const std::string& status, const std::string& id, std::uint64_t current,
                          std::uint64_t total);

}  // namespace berth::registry
