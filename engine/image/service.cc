#include <fmt/format.h>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/image/archive_load.h"
#include "engine/image/archive_save.h"
#include "engine/image/catalog.h"
#include "engine/image/collector.h"
#include "engine/image/housekeeper.h"
#include "engine/image/image_service.h"
#include "engine/image/layer_repair.h"
#include "engine/image/layer_stack.h"
#include "engine/image/listing.h"
#include "engine/image/maker.h"
#include "engine/image/naming.h"
#include "engine/image/prune.h"
#include "engine/image/removal.h"
#include "engine/image/spare_room.h"
#include "engine/image/unpacker.h"

namespace berth::image {

namespace {

class Service : public ImageService {
 public:
    Service(ImageServiceParts parts, std::unique_ptr<References> references)
        : parts_(std::move(parts)),
          references_(std::move(references)),
          catalog_(*references_, parts_.content),
          listing_(catalog_, *references_, parts_.content, parts_.snapshots),
          unpacker_(parts_.content, parts_.snapshots, {.path = parts_.helper_path, .ids = parts_.ids}),
          naming_(*references_, parts_.content, parts_.events),
          maker_(parts_.content, unpacker_, naming_, parts_.data_root + "/tmp"),
          spare_(parts_.data_root + "/image/spare"),
          removal_(catalog_, *references_, parts_.events),
          collector_(std::make_shared<Collector>(*references_, parts_.content, parts_.snapshots)),
          prune_(listing_, *references_, parts_.content, *collector_, parts_.events),
          housekeeper_(parts_.snapshots) {}

    Result<ResolvedImage> resolve(const std::string& name,
                                  const std::optional<oci::Platform>& platform) override {
        return catalog_.resolve(name, platform);
    }
    Result<bool> load(confine::TarInput archive, const std::vector<oci::Platform>& platforms,
                      Progress progress) override;
    Result<Digest> import(Reader tar, const std::string& name, const std::string& message,
                          const std::vector<std::string>& changes,
                          const std::optional<oci::Platform>& platform) override {
        return make([&] { return maker_.import(std::move(tar), name, message, changes, platform); });
    }
    Result<Digest> commit(CommitRequest request) override {
        return make([&] { return maker_.commit(std::move(request)); });
    }
    Result<std::unique_ptr<Archive>> save(const std::vector<std::string>& names,
                                          const std::vector<oci::Platform>& platforms) override;
    Result<std::unique_ptr<Arrival>> expect(const oci::Manifest& manifest, Progress progress) override;
    Result<> adopt(const std::string& name, const Digest& target,
                   const std::optional<oci::Platform>& platform, Progress progress) override;
    Result<> tag(const std::string& source, const std::string& repository, const std::string& tag) override;
    Result<std::vector<RemovedImage>> remove(const std::string& name, bool force, bool,
                                             const std::vector<User>& users) override;
    Result<std::vector<RemovedImage>> remove_platforms(const std::string& name,
                                                       const std::vector<oci::Platform>& platforms) override;
    Result<PruneReport> prune(PruneRequest request, const std::vector<User>& users) override {
        const auto room = spare_.lend();
        auto done = prune_.run(std::move(request), users);
        forget();
        return done;
    }
    Result<ImageList> list(bool shared_sizes) override { return listing_.list(shared_sizes); }
    Result<std::vector<NamedImage>> names() override;
    Result<ImageDetails> inspect(const std::string& name,
                                 const std::optional<oci::Platform>& platform) override {
        return listing_.inspect(name, platform);
    }
    Result<std::uint64_t> disk_usage() override { return listing_.disk_usage(); }
    std::shared_ptr<void> pin() override { return collector_->pin(); }
    Result<> collect_garbage() override { return collector_->collect(); }

    // What a killed daemon was in the middle of: archives half read, layers half unpacked, blobs not named
    // yet.
    Result<> clear_after_crash();

 private:
    Result<bool> read_in(const confine::TarInput& archive, const std::vector<oci::Platform>& platforms,
                         const Progress& progress);
    Result<> take_loaded(const LoadedImage& image, const std::vector<oci::Platform>& platforms,
                         LayersBegun& begun, const Progress& progress);
    Result<> unpack_loaded(const LoadedImage& image, const std::vector<oci::Platform>& platforms,
                           LayersBegun& begun);
    // Blobs or snapshots came or went.
    void forget() {
        catalog_.forget_all();
        listing_.forget();
        housekeeper_.tidy();
    }
    // What a failed one left in the store goes with the pin.
    Result<Digest> make(const std::function<Result<Digest>()>& work) {
        auto pinned = collector_->pin();
        auto made = work();
        forget();
        if (!made) (void)collector_->collect().has_value();
        return made;
    }

    ImageServiceParts parts_;
    std::unique_ptr<References> references_;
    Catalog catalog_;
    Listing listing_;
    Unpacker unpacker_;
    Naming naming_;
    Maker maker_;
    SpareRoom spare_;
    Removal removal_;
    std::shared_ptr<Collector> collector_;
    Prune prune_;
    Housekeeper housekeeper_;
};

Result<std::vector<NamedImage>> Service::names() {
    BERTH_TRY(const auto all, references_->list());
    std::vector<NamedImage> out;
    for (const NamedTarget& named : all) {
        if (named.name.starts_with(kDangling)) continue;
        const auto size = parts_.content.size(named.target);
        out.push_back({named.name,
                       {.media_type = named.media_type,
                        .digest = named.target,
                        .size = size ? static_cast<std::int64_t>(*size) : 0}});
    }
    return out;
}

// Of an image for other machines nothing is unpacked here, unless it was asked for.
Result<> Service::unpack_loaded(const LoadedImage& image, const std::vector<oci::Platform>& platforms,
                                LayersBegun& begun) {
    for (const oci::Platform& platform : platforms) {
        auto picked = pick_platform(parts_.content, image.target, platform);
        if (!picked) {
            return fail(ErrorKind::kNotFound,
                        fmt::format("requested platform ({}) not found: image might be filtered out",
                                    platform.text()));
        }
        BERTH_CHECK(unpacker_.unpack(*picked, {}, &begun));
    }
    if (!platforms.empty()) return {};
    auto picked = pick_platform(parts_.content, image.target, {});
    if (!picked && picked.error().kind != ErrorKind::kNotFound) return Failure(picked.error());
    const bool runs = picked && oci::Platform::host().runs(picked->config.platform);
    return runs ? unpacker_.unpack(*picked, {}, &begun) : Result<>();
}

Result<> Service::take_loaded(const LoadedImage& image, const std::vector<oci::Platform>& platforms,
                              LayersBegun& begun, const Progress& progress) {
    BERTH_CHECK(unpack_loaded(image, platforms, begun));
    auto say = [&](const std::string& text) {
        if (progress) progress(nlohmann::json{{"stream", text + "\n"}}.dump());
    };
    if (image.names.empty()) {
        BERTH_TRY(std::vector<NamedTarget> all, references_->list());
        bool named = std::any_of(all.begin(), all.end(),
                                 [&](const NamedTarget& n) { return n.target == image.target; });
        if (!named)
            BERTH_CHECK(references_->put(
                {std::string(kDangling) + image.target.text(), image.target, image.media_type, now()}));
        say("Loaded image ID: " + image.target.text());
    }
    for (const std::string& name : image.names) {
        BERTH_CHECK(naming_.point(name, image.target, image.media_type));
        BERTH_TRY(oci::Reference reference, oci::Reference::parse(name));
        say("Loaded image: " + reference.familiar());
    }
    naming_.publish("load", image.target, image.target.text());
    return {};
}

Result<bool> Service::read_in(const confine::TarInput& archive, const std::vector<oci::Platform>& platforms,
                              const Progress& progress) {
    std::string scratch = parts_.data_root + "/tmp";
    BERTH_CHECK(make_folders(scratch, 0700));
    BERTH_TRY(TempDir folder, TempDir::make(scratch));
    ArchiveArrival arrival(unpacker_, folder.path());
    BERTH_TRY(auto report,
              confine::extract_archive({.path = parts_.helper_path}, archive, folder.path(), &arrival));
    BERTH_TRY(auto images, read_archive(parts_.content, arrival, folder.path(), report.members, platforms));
    for (const LoadedImage& image : images)
        BERTH_CHECK(take_loaded(image, platforms, arrival.layers(), progress));
    return report.body_ended;
}

Result<bool> Service::load(confine::TarInput archive, const std::vector<oci::Platform>& platforms,
                           Progress progress) {
    auto pinned = collector_->pin();
    auto done = read_in(archive, platforms, progress);
    forget();
    // What a failed load left in the store goes with the pin.
    if (!done) (void)collector_->collect().has_value();
    return done;
}

Result<> Service::clear_after_crash() {
    BERTH_CHECK(remove_tree(parts_.data_root + "/tmp"));
    BERTH_CHECK(unpacker_.remove_unfinished());
    BERTH_CHECK(repair_layers(*references_, unpacker_));
    housekeeper_.tidy();
    // Names that came back from their copies may be fewer than there were: then nothing is thrown away
    // unasked.
    if (references_->rebuilt()) return {};
    BERTH_CHECK(parts_.snapshots.collect_orphans());
    if (auto collected = collector_->collect(); !collected)
        log::warning("images were not collected", {{"error", collected.error().message}});
    return {};
}

namespace {

class SaveArchive final : public ImageService::Archive {
 public:
    SaveArchive(content::ContentStore& content, std::shared_ptr<void> pinned, SavePlan plan)
        : content_(content), pinned_(std::move(pinned)), plan_(std::move(plan)) {}
    Result<> write(int fd, bool in_chunks) override {
        archive::FdSink plain(fd);
        archive::ChunkedSink chunks(plain);
        return write_archive(content_, plan_, in_chunks ? static_cast<archive::ByteSink&>(chunks) : plain);
    }

 private:
    content::ContentStore& content_;
    std::shared_ptr<void> pinned_;
    SavePlan plan_;
};

}  // namespace

Result<std::unique_ptr<ImageService::Archive>> Service::save(const std::vector<std::string>& names,
                                                             const std::vector<oci::Platform>& platforms) {
    auto pinned = collector_->pin();
    std::vector<ImageToSave> images;
    for (const std::string& name : names) {
        BERTH_TRY(auto found, find_images(catalog_, *references_, parts_.content, name));
        for (ImageToSave& image : found) images.push_back(std::move(image));
    }
    BERTH_TRY(SavePlan plan, plan_save(parts_.content, images, platforms));
    for (const ImageToSave& image : images)
        naming_.publish("save", image.target.digest, image.target.digest.text());
    return std::unique_ptr<Archive>(
        std::make_unique<SaveArchive>(parts_.content, std::move(pinned), std::move(plan)));
}

Result<std::unique_ptr<ImageService::Arrival>> Service::expect(const oci::Manifest& manifest,
                                                               Progress progress) {
    BERTH_TRY(const std::string text, parts_.content.read(manifest.config.digest));
    BERTH_TRY(oci::ImageConfig config, oci::parse_image_config(text));
    BERTH_CHECK(check_layers(manifest, config));
    std::vector<Digest> layers;
    for (const oci::Descriptor& layer : manifest.layers) layers.push_back(layer.digest);
    return std::unique_ptr<Arrival>(std::make_unique<LayerStack>(
        unpacker_, std::move(layers), std::move(config.diff_ids), std::move(progress)));
}

Result<> Service::adopt(const std::string& name, const Digest& target,
                        const std::optional<oci::Platform>& platform, Progress progress) {
    auto pinned = collector_->pin();
    BERTH_TRY(oci::Document document, read_document(parts_.content, target));
    std::string media_type = std::visit([](const auto& d) { return d.media_type; }, document);
    // A manifest that stands alone is taken whatever platform was asked for, as Docker does.
    const bool alone = std::holds_alternative<oci::Manifest>(document);
    BERTH_TRY(PlatformImage image, pick_platform(parts_.content, target, alone ? std::nullopt : platform));
    BERTH_CHECK(unpacker_.unpack(image, progress));
    forget();
    return naming_.point(name, target, media_type);
}

Result<> Service::tag(const std::string& source, const std::string& repository, const std::string& tag) {
    BERTH_TRY(oci::Reference reference, oci::Reference::parse(repository));
    if (reference.digest())
        return fail(ErrorKind::kInvalidArgument, "refusing to create a tag with a digest reference");
    if (!tag.empty()) {
        BERTH_TRY(reference, reference.with_tag(tag));
    }
    reference = reference.with_default_tag();
    BERTH_TRY(Found found, catalog_.find(source));
    BERTH_CHECK(naming_.point(reference.text(), found.target,
                              found.names.empty() ? "" : found.names.front().media_type));
    naming_.publish("tag", found.target, reference.familiar());
    return {};
}

Result<std::vector<RemovedImage>> Service::remove(const std::string& name, bool force, bool prune_parents,
                                                  const std::vector<User>& users) {
    const auto room = spare_.lend();
    BERTH_TRY(std::vector<RemovedImage> removed, removal_.run(name, force, prune_parents, users));
    forget();
    if (auto collected = collector_->collect(); !collected) {
        log::warning("images were not collected", {{"error", collected.error().message}});
    }
    return removed;
}

Result<std::vector<RemovedImage>> Service::remove_platforms(const std::string& name,
                                                            const std::vector<oci::Platform>& platforms) {
    const auto room = spare_.lend();
    auto removed = removal_.remove_platforms(parts_.content, name, platforms);
    forget();
    if (auto collected = collector_->collect(); !collected) {
        log::warning("images were not collected", {{"error", collected.error().message}});
    }
    return removed;
}

}  // namespace

Result<std::unique_ptr<ImageService>> open_image_service(ImageServiceParts parts) {
    BERTH_TRY(auto references, References::open(parts.database, parts.data_root + "/image/refs"));
    auto service = std::make_unique<Service>(std::move(parts), std::move(references));
    BERTH_CHECK(service->clear_after_crash());
    return std::unique_ptr<ImageService>(std::move(service));
}

}  // namespace berth::image
