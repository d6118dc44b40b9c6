#pragma once

#include <string>
#include <string_view>

#include "volumes/volume_service.h"

namespace berth::volumes {

// What a volume carries that nobody named, and what `volume prune` goes by.
inline constexpr const char* kAnonymousLabel = "com.docker.volume.anonymous";

// {"Name":…,"Driver":…,"Options":{…},"Labels":{…},"Scope":"local","CreatedAt":"2026-11-21T03:16:01Z"}: a row
// of the database, and volume.json.
std::string render_record(const Volume& volume);
// Without a mountpoint. kDataLoss if it is not a record.
Result<Volume> parse_record(std::string_view text);

}  // namespace berth::volumes
