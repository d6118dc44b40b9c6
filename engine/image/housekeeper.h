#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine/snapshot/snapshotter.h"

namespace berth::image {

// A thread that does what nobody has to wait for: brings the files of new layers to the disk, and removes
// what was discarded. Ends with its work; any thread may ask for some.
class Housekeeper {
 public:
    explicit Housekeeper(snapshot::Snapshotter& snapshots);
    ~Housekeeper();
    void tidy();

 private:
    void run();

    snapshot::Snapshotter& snapshots_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool wanted_ = false, over_ = false;
    std::thread thread_;
};

}  // namespace berth::image
