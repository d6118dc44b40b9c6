#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/image/image_service.h"
#include "engine/image/layer_work.h"
#include "engine/image/unpacker.h"

namespace berth::image {

// One image's layers on their way into snapshots. Each is unpacked into a snapshot that stands alone,
// whatever the state of those below it; it is put onto them, and named by its chain ID, as soon as they are
// all there. A layer that cannot be unpacked without knowing those below waits for them instead. Any thread.
class LayerStack final : public ImageService::Arrival {
 public:
    // `unpacker` outlives the stack.
    LayerStack(Unpacker& unpacker, std::vector<Digest> layers, std::vector<Digest> diff_ids,
               Progress progress);

    void begin(std::size_t index, UniqueFd file) override;
    void grown(std::size_t index, std::uint64_t bytes) override;
    Result<> finish(std::size_t index) override;
    // As begin(), by somebody who did not know yet which layer it was.
    void take(std::size_t index, std::unique_ptr<LayerWork> work);
    bool is_in_place(std::size_t index);

 private:
    struct Layer {
        Digest blob, diff_id, chain;
        std::mutex mutex;                 // of what follows
        std::unique_ptr<LayerWork> work;  // until it is in place
        bool whole = false;               // its blob is in the content store
        bool unpacked = false;            // the work is finished
    };

    Result<> end(Layer& layer);
    Result<> put_in_place();
    Result<> place(std::size_t index);
    void say_extracting(const Layer& layer) const;
    std::string below(std::size_t index) const { return index == 0 ? "" : layers_[index - 1]->chain.text(); }

    Unpacker& unpacker_;
    std::vector<std::unique_ptr<Layer>> layers_;
    Progress progress_;
    std::mutex placing_;
    std::size_t placed_ = 0;  // so many are in place, from the lowest on
};

}  // namespace berth::image
