#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/digest.h"
#include "engine/confine/helper.h"
#include "engine/sys/mount.h"

namespace berth::confine {

// Where a layer goes: an empty folder that becomes an overlay layer, and the layers below it, topmost first.
// They are looked at for one thing: a parent folder that the layer itself does not name takes over their
// owner and mode.
struct LayerTarget {
    std::string folder;
    std::vector<std::string> parents;
    // There will be layers below, which are not there yet: `parents` is empty. A layer that needs them is
    // kConflict; it has to be unpacked again when they are there.
    bool below_unknown = false;
};
// The target that a mount from Snapshotter::prepare() means.
Result<LayerTarget> layer_target(const sys::Mount& active);

struct UnpackReport {
    // sha256 of the tar in a compressed layer, to its last byte; nothing where the layer is that tar itself.
    std::optional<Digest> diff_id;
    std::uint64_t entries = 0;
    bool names_root = false;  // it says what owner and mode its root has
};

// Unpacks one layer (tar; plain or compressed, by its first bytes) as overlay wants it: ".wh.NAME" becomes a
// 0:0 character device, ".wh..wh..opq" an opaque folder. Nothing waits for the disk: see
// Snapshotter::settle(). After an error the folder holds some part of the layer: remove it.
//
// Error texts are Go's, as clients know them from Docker: "unexpected EOF", "archive/tar: invalid tar
// header", "gzip: invalid header", "gzip: invalid checksum". The caller puts "failed to extract layer DIGEST"
// in front. kInvalidArgument: the archive is wrong; anything else: this machine is.
class LayerUnpacker {
 public:
    // `file`: the layer, read from its beginning while somebody else writes to its end.
    static Result<std::unique_ptr<LayerUnpacker>> start(HelperOptions options, int file,
                                                        const LayerTarget& target);
    virtual ~LayerUnpacker() = default;  // kills what has not finished

    // So many bytes are there now. Never blocks.
    virtual void grown(std::uint64_t bytes) = 0;
    // There are so many, and no more will come: waits for the end of the work.
    virtual Result<UnpackReport> finish(std::uint64_t bytes) = 0;
};

// All of `input`, a file read from its current position to its end.
Result<UnpackReport> unpack_layer(HelperOptions options, int input_fd, const LayerTarget& target);

}  // namespace berth::confine
