#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "engine/confine/extract_archive.h"
#include "engine/image/layer_work.h"

namespace berth::image {

// What can be done with an archive's files while the rest of it is still on its way: those that look like
// layers are unpacked, though nobody knows yet which layers they are, and large ones are hashed while they
// grow, by a thread of their own. What nobody takes goes with the object.
class ArchiveArrival final : public confine::ArchiveWatcher {
 public:
    // `folder`: where the archive is extracted to.
    ArchiveArrival(Unpacker& unpacker, std::string folder);
    ~ArchiveArrival() override;

    void begun(const confine::ArchiveMember& member) override;
    void grown(const std::string& file, std::uint64_t bytes) override;
    void ended(const std::string& file) override;

    // The file for the content store, once; hashed here and now where that has not been done.
    Result<std::unique_ptr<content::Ingest>> offer(const std::string& file);
    // Of a file in a compression that layers are not kept in.
    Result<Digest> store_recompressed(const std::string& file);
    // It is this blob: then its work is among layers().
    void identify(const std::string& file, const Digest& blob);
    LayersBegun& layers() { return layers_; }

 private:
    using Offer = Result<std::unique_ptr<content::Ingest>>;
    struct ToHash {
        std::string file;
        std::uint64_t there = 0;  // bytes
        bool whole = false;
    };
    bool known(const std::string& name);
    void hash_all();
    Offer hash(ToHash& present, std::unique_lock<std::mutex>& guard);
    void tell_hasher(const std::string& file, std::uint64_t bytes, bool whole);

    Unpacker& unpacker_;
    std::string folder_;
    confine::ArchiveMember present_;  // the file that grows
    bool decided_ = false;            // whether it is unpacked
    std::map<std::string, std::unique_ptr<LayerWork>> works_;
    int begun_ = 0;

    std::mutex mutex_;  // of what follows
    std::condition_variable changed_;
    std::deque<ToHash> to_hash_;                          // the first one is being hashed
    std::map<std::string, std::optional<Offer>> offers_;  // nothing: not hashed yet
    LayersBegun layers_;
    bool over_ = false;
    std::thread hasher_;
};

}  // namespace berth::image
