#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/confine/unpack.h"
#include "engine/image/unpacker.h"

namespace berth::image {

// One layer on its way into a snapshot that has no name yet; goes with the object, unless it has been kept.
// Any one thread at a time.
class LayerWork {
 public:
    // `file`: the layer's blob, which may still grow. `parent`: the committed snapshot that it stands on, ""
    // for none; nothing while those below it are not there. `unpacker` outlives the work.
    static Result<std::unique_ptr<LayerWork>> begin(Unpacker& unpacker, UniqueFd file,
                                                    const std::optional<std::string>& parent);
    ~LayerWork();

    // So many bytes of the blob are there. Never blocks.
    void grown(std::uint64_t bytes) { helper_->grown(bytes); }
    // All of it is there: waits for the end. kConflict when it cannot be unpacked without those below it.
    Result<confine::UnpackReport> finish(std::uint64_t bytes);

    // Once it is finished: becomes committed `chain` on `parent`. One that is there already is fine.
    Result<> commit(const std::string& chain, const std::string& parent);

 private:
    LayerWork(Unpacker& unpacker, UniqueFd file, bool has_parent);

    Unpacker& unpacker_;
    std::string key_;
    UniqueFd file_;
    std::unique_ptr<confine::LayerUnpacker> helper_;
    bool has_parent_, has_own_root_ = false;
};

}  // namespace berth::image
