#include "engine/image/archive_arrival.h"

#include <fcntl.h>
#include <unistd.h>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/image/layer_media.h"

namespace berth::image {

namespace {

// Less is dealt with when it is needed.
constexpr std::uint64_t kLarge = 1 << 20;
// Each is a process, and a layer that may turn out to be nobody's.
constexpr int kMostBegun = 8;
// Each holds a descriptor.
constexpr std::size_t kMostOffers = 256;

// By its first bytes: gzip, zstd, or a tar.
bool looks_like_a_layer(int file) {
    char head[512] = {};
    const ssize_t got = ::pread(file, head, sizeof head, 0);
    const std::string_view bytes(head, got > 0 ? static_cast<std::size_t>(got) : 0);
    const archive::Compression compression = archive::compression_of(bytes);
    // In others it does not become a blob as it is.
    if (!has_media_type(compression)) return false;
    return compression != archive::Compression::kNone ||
           (bytes.size() == sizeof head && bytes.substr(257).starts_with("ustar"));
}

}  // namespace

ArchiveArrival::ArchiveArrival(Unpacker& unpacker, std::string folder)
    : unpacker_(unpacker), folder_(std::move(folder)) {}

ArchiveArrival::~ArchiveArrival() {
    {
        std::lock_guard guard(mutex_);
        over_ = true;
        changed_.notify_all();
    }
    if (hasher_.joinable()) hasher_.join();
}

// A blob that is here was unpacked when it came.
bool ArchiveArrival::known(const std::string& name) {
    constexpr std::string_view kBlobs = "blobs/sha256/";
    if (!name.starts_with(kBlobs)) return false;
    auto digest = Digest::parse("sha256:" + name.substr(kBlobs.size()));
    return digest && unpacker_.content().has(*digest);
}

void ArchiveArrival::begun(const confine::ArchiveMember& member) {
    present_ = member;
    decided_ = member.size < kLarge || begun_ >= kMostBegun || known(member.name);
}

void ArchiveArrival::grown(const std::string& file, std::uint64_t bytes) {
    if (auto work = works_.find(file); work != works_.end()) work->second->grown(bytes);
    tell_hasher(file, bytes, false);
    if (decided_ || file != present_.file) return;
    decided_ = true;
    auto opened = open_file(folder_ + "/" + file, O_RDONLY | O_NOFOLLOW);
    if (!opened || !looks_like_a_layer(opened->get())) return;
    auto work = LayerWork::begin(unpacker_, std::move(*opened), {});
    if (!work) {
        log::info("a layer is not unpacked while it arrives", {{"error", work.error().message}});
        return;
    }
    ++begun_;
    (*work)->grown(bytes);
    works_[file] = std::move(*work);
}

void ArchiveArrival::ended(const std::string& file) {
    if (file != present_.file || present_.size < kLarge) return;
    if (auto work = works_.find(file); work != works_.end()) work->second->grown(present_.size);
    tell_hasher(file, present_.size, true);
}

void ArchiveArrival::tell_hasher(const std::string& file, std::uint64_t bytes, bool whole) {
    if (file != present_.file || present_.size < kLarge) return;
    std::lock_guard guard(mutex_);
    if (to_hash_.empty() || to_hash_.back().file != file) {
        // One that grows is known already, and one that has been taken out of the queue is not told of again.
        if (offers_.size() >= kMostOffers || offers_.contains(file)) return;
        offers_[file];
        to_hash_.push_back({.file = file});
    }
    to_hash_.back().there = bytes;
    to_hash_.back().whole = whole;
    if (!hasher_.joinable()) hasher_ = std::thread([this] { hash_all(); });
    changed_.notify_all();
}

void ArchiveArrival::hash_all() {
    std::unique_lock guard(mutex_);
    for (;;) {
        changed_.wait(guard, [this] { return over_ || !to_hash_.empty(); });
        if (over_) return;
        Offer offer = hash(to_hash_.front(), guard);
        offers_[to_hash_.front().file] = std::move(offer);
        to_hash_.pop_front();
        changed_.notify_all();
    }
}

// `guard` is held but while there is something to do.
ArchiveArrival::Offer ArchiveArrival::hash(ToHash& present, std::unique_lock<std::mutex>& guard) {
    const std::string path = folder_ + "/" + present.file;
    guard.unlock();
    Offer offer = unpacker_.content().offer(path);
    guard.lock();
    while (offer) {
        changed_.wait(guard, [&] { return over_ || present.whole || present.there > (*offer)->size(); });
        if (over_) return fail(ErrorKind::kCancelled, "the archive is not wanted any more");
        const bool whole = present.whole;
        guard.unlock();
        if (auto more = (*offer)->catch_up(); !more) offer = Failure(std::move(more.error()));
        guard.lock();
        if (whole) break;
    }
    return offer;
}

Result<Digest> ArchiveArrival::store_recompressed(const std::string& file) {
    BERTH_TRY(UniqueFd opened, open_file(folder_ + "/" + file, O_RDONLY | O_NOFOLLOW));
    return image::store_recompressed(unpacker_.content(), unpacker_.helper(), opened.get(), folder_);
}

ArchiveArrival::Offer ArchiveArrival::offer(const std::string& file) {
    {
        std::unique_lock guard(mutex_);
        auto found = offers_.end();
        changed_.wait(guard, [&] {
            found = offers_.find(file);
            return found == offers_.end() || found->second.has_value();
        });
        if (found != offers_.end()) {
            Offer offer = std::move(*found->second);
            offers_.erase(found);
            return offer;
        }
    }
    return unpacker_.content().offer(folder_ + "/" + file);
}

void ArchiveArrival::identify(const std::string& file, const Digest& blob) {
    std::lock_guard guard(mutex_);
    auto work = works_.find(file);
    if (work != works_.end()) layers_[blob] = std::move(works_.extract(work).mapped());
}

}  // namespace berth::image
