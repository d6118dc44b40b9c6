#pragma once

#include <cstdint>
#include <string>

namespace berth::image {

// The lines of a pull or a push, as the docker CLI draws them: {"status":…}, with the "id" of the line they
// belong to. What is said of something that moves has a "progressDetail", which may be empty, and for older
// clients the same drawn, as "progress"; a message has none.
std::string status_line(const std::string& status);
std::string message_line(const std::string& message, const std::string& id);
std::string status_line(const std::string& status, const std::string& id);
// Of what has come to an end: "progressDetail":{"hidecounts":true}
std::string end_line(const std::string& status, const std::string& id);
// "progressDetail":{"current","total"}
std::string progress_line(const std::string& status, const std::string& id, std::uint64_t current,
                          std::uint64_t total);
// "progressDetail":{"current","units":"s"}
std::string time_line(const std::string& status, const std::string& id, std::uint64_t seconds);

}  // namespace berth::image
