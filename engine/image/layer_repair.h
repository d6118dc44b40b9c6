#pragma once

#include "engine/image/references.h"
#include "engine/image/unpacker.h"

namespace berth::image {

// Makes layers again that a power cut may have damaged (SnapshotInfo::doubtful), out of the blobs of the
// images that have names. One that cannot be made again stays as it is and is logged. Before any container
// runs.
Result<> repair_layers(References& references, Unpacker& unpacker);

}  // namespace berth::image
