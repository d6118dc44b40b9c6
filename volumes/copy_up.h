#pragma once

#include <string>

#include "engine/base/unique_fd.h"
#include "volumes/volume_service.h"

namespace berth::volumes {

// A file beside a volume's contents, there from before the first byte of a copy-up until the last one is on
// disk: a copy that a crash cut short is known as such, and what it left is not taken for the user's. One for
// each place that is filled; gone with the volume's folder.
class FillMark {
 public:
    FillMark(const std::string& folder, const std::string& subpath);
    bool is_set() const;
    Result<> set() const;    // durable
    Result<> clear() const;  // durable

 private:
    std::string folder_, path_;
};

// VolumeService::open().
Result<UniqueFd> open_inside(const std::string& mountpoint, const std::string& subpath);

// VolumeService::copy_up() for the volume whose contents lie at `mountpoint`. kConflict if the image has
// something else than a folder at `target`; nothing is done if it has nothing there, or the volume holds
// something already. A copy that fails or that `mark` shows as unfinished leaves nothing of itself.
Result<> copy_up_to(const FillMark& mark, const std::string& mountpoint, const std::string& subpath,
                    int root_fd, const std::string& target, const TreeCopy& copy_tree);

}  // namespace berth::volumes
