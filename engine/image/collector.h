#pragma once

#include <memory>
#include <mutex>

#include "engine/image/documents.h"
#include "engine/image/image_service.h"
#include "engine/image/references.h"

namespace berth::image {

// Removes blobs and committed snapshots that no name reaches and no other snapshot stands on. Never while a
// pin is held: the last pin's end makes up for what was put off. Nobody waits for files to go but who asked
// for it. Any thread.
class Collector : public std::enable_shared_from_this<Collector> {
 public:
    Collector(References& references, content::ContentStore& content, snapshot::Snapshotter& snapshots)
        : references_(references), content_(content), snapshots_(snapshots) {}

    std::shared_ptr<void> pin();
    Result<> collect();

 private:
    void unpin();
    Result<> sweep();
    void add_chain(const ReachedManifest& reached, std::vector<std::string>& chains);
    Result<> sweep_snapshots(const std::vector<std::string>& live);
    Result<> settle_others(const std::vector<std::string>& live);

    References& references_;
    content::ContentStore& content_;
    snapshot::Snapshotter& snapshots_;
    std::mutex mutex_;
    int pins_ = 0;
    bool put_off_ = false;
};

}  // namespace berth::image
