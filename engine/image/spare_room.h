#pragma once

#include <memory>
#include <mutex>
#include <string>

namespace berth::image {

// A file that holds some space of a disk, to be given up while what makes room is removed: at 0 bytes free
// not even the database could say that an image is gone. Best effort. Any thread; outlives what it has lent.
class SpareRoom {
 public:
    explicit SpareRoom(std::string path);

    // While it is held the space is free, if the disk is full. Then it is taken back as far as it is there.
    std::shared_ptr<void> lend();

 private:
    void take();
    bool is_short() const;

    std::string path_;
    std::mutex mutex_;
    int lent_ = 0;
};

}  // namespace berth::image
