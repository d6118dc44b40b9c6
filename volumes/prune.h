#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "volumes/volume_service.h"

namespace berth::volumes {

struct PruneReport {
    std::vector<std::string> names;
    std::uint64_t bytes = 0;  // of the files in them
};

// Removes the local volumes without options that no container uses and `wanted` says yes to, and reports it
// as one event. A volume that
// somebody else takes or removes meanwhile is passed over. Blocks.
Result<PruneReport> prune(VolumeService& volumes, events::EventSink& events,
                          const std::function<bool(const Volume&)>& wanted);

}  // namespace berth::volumes
