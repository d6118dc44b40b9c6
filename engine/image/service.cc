#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/image/archive_load.h"
#include "engine/image/archive_save.h"
#include "engine/image/assembly.h"
#include "engine/image/catalog.h"
#include "engine/image/collector.h"
#include "engine/image/image_service.h"
#include "engine/image/layer_stack.h"
#include "engine/image/listing.h"
#include "engine/image/prune.h"
#include "engine/image/removal.h"
#include "engine/image/run_config.h"
#include "engine/image/unpacker.h"

namespace berth::image {

namespace {

using Json = nlohmann::ordered_json;

class Service : public ImageService {
 public:
    Service(ImageServiceParts parts, std::unique_ptr<References> references)
        : parts_(std::move(parts)),
          references_(std::move(references)),
          catalog_(*references_, parts_.content),
          listing_(catalog_, *references_, parts_.content, parts_.snapshots),
          unpacker_(parts_.content, parts_.snapshots, parts_.helper_path),
          removal_(catalog_, *references_, parts_.events),
          collector_(std::make_shared<Collector>(*references_, parts_.content, parts_.snapshots)),
          prune_(listing_, *references_, parts_.content, *collector_, parts_.events) {}

    Result<ResolvedImage> resolve(const std::string& name,
                                  const std::optional<oci::Platform>& platform) override {
        return catalog_.resolve(name, platform);
    }
    Result<> load(Reader archive, const std::vector<oci::Platform>& platforms, Progress progress) override;
    Result<Digest> import(Reader tar, const std::string& name, const std::string& message,
                          const std::vector<std::string>& changes,
                          const std::optional<oci::Platform>& platform) override;
    Result<Digest> commit(CommitRequest request) override;
    Result<std::unique_ptr<Archive>> save(const std::vector<std::string>& names,
                                          const std::vector<oci::Platform>& platforms) override;
    Result<std::unique_ptr<Arrival>> expect(const oci::Manifest& manifest, Progress progress) override;
    Result<> adopt(const std::string& name, const Digest& target,
                   const std::optional<oci::Platform>& platform, Progress progress) override;
    Result<> tag(const std::string& source, const std::string& repository, const std::string& tag) override;
    Result<std::vector<RemovedImage>> remove(const std::string& name, bool force, bool,
                                             const std::vector<User>& users) override;
    Result<PruneReport> prune(PruneRequest request, const std::vector<User>& users) override {
        auto done = prune_.run(std::move(request), users);
        forget();
        return done;
    }
    Result<std::vector<ImageSummary>> list(bool shared_sizes) override { return listing_.list(shared_sizes); }
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
    Result<> name_image(const std::string& name, const Digest& target, const std::string& media_type);
    Result<> take_loaded(const LoadedImage& image, const std::vector<oci::Platform>& platforms,
                         const Progress& progress);
    Result<> unpack_loaded(const LoadedImage& image, const std::vector<oci::Platform>& platforms);
    // Blobs or snapshots came or went.
    void forget() {
        catalog_.forget_all();
        listing_.forget();
    }
    Result<Digest> store_layer(Reader tar);
    Result<> name_made(const std::optional<oci::Reference>& reference, const Digest& id);
    void publish(const char* action, const Digest& target, const std::string& name) {
        parts_.events.publish(
            {.type = "image", .action = action, .actor_id = target.text(), .attributes = {{"name", name}}});
    }

    ImageServiceParts parts_;
    std::unique_ptr<References> references_;
    Catalog catalog_;
    Listing listing_;
    Unpacker unpacker_;
    Removal removal_;
    std::shared_ptr<Collector> collector_;
    Prune prune_;
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

// Points a name at a target. The image that had the name and has no other stays, as <none>.
Result<> Service::name_image(const std::string& name, const Digest& target, const std::string& media_type) {
    BERTH_TRY(auto before, references_->find(name));
    if (before && before->target != target) {
        BERTH_TRY(std::vector<NamedTarget> all, references_->list());
        bool other = std::any_of(all.begin(), all.end(), [&](const NamedTarget& named) {
            return named.target == before->target && named.name != name;
        });
        if (!other) {
            NamedTarget dangling = *before;
            dangling.name = std::string(kDangling) + before->target.text();
            BERTH_CHECK(references_->put(dangling));
        }
    }
    BERTH_CHECK(references_->put({name, target, media_type, now()}));
    // It has a name now: it no longer dangles.
    return references_->remove(std::string(kDangling) + target.text());
}

// Of an image for other machines nothing is unpacked here, unless it was asked for.
Result<> Service::unpack_loaded(const LoadedImage& image, const std::vector<oci::Platform>& platforms) {
    for (const oci::Platform& platform : platforms) {
        auto picked = pick_platform(parts_.content, image.target, platform);
        if (!picked) {
            return fail(ErrorKind::kNotFound,
                        fmt::format("requested platform ({}) not found: image might be filtered out",
                                    platform.text()));
        }
        BERTH_CHECK(unpacker_.unpack(*picked, {}));
    }
    if (!platforms.empty()) return {};
    auto picked = pick_platform(parts_.content, image.target, {});
    if (!picked && picked.error().kind != ErrorKind::kNotFound) return Failure(picked.error());
    const bool runs = picked && oci::Platform::host().runs(picked->config.platform);
    return runs ? unpacker_.unpack(*picked, {}) : Result<>();
}

Result<> Service::take_loaded(const LoadedImage& image, const std::vector<oci::Platform>& platforms,
                              const Progress& progress) {
    BERTH_CHECK(unpack_loaded(image, platforms));
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
        BERTH_CHECK(name_image(name, image.target, image.media_type));
        BERTH_TRY(oci::Reference reference, oci::Reference::parse(name));
        say("Loaded image: " + reference.familiar());
    }
    publish("load", image.target, image.target.text());
    return {};
}

Result<> Service::load(Reader archive, const std::vector<oci::Platform>& platforms, Progress progress) {
    auto pinned = collector_->pin();
    std::string scratch = parts_.data_root + "/tmp";
    BERTH_CHECK(make_folders(scratch, 0700));
    BERTH_TRY(TempDir folder, TempDir::make(scratch));
    auto work = [&]() -> Result<> {
        BERTH_TRY(auto members,
                  confine::extract_archive({.path = parts_.helper_path}, std::move(archive), folder.path()));
        BERTH_TRY(auto images, read_archive(parts_.content, folder.path(), members, platforms));
        for (const LoadedImage& image : images) BERTH_CHECK(take_loaded(image, platforms, progress));
        return {};
    };
    auto done = work();
    forget();
    // What a failed load left in the store goes with the pin.
    if (!done) (void)collector_->collect().has_value();
    return done;
}

Result<> Service::clear_after_crash() {
    BERTH_CHECK(remove_tree(parts_.data_root + "/tmp"));
    BERTH_CHECK(unpacker_.remove_unfinished());
    // Names that came back from their copies may be fewer than there were: then nothing is thrown away
    // unasked.
    if (references_->rebuilt()) return {};
    BERTH_CHECK(parts_.snapshots.collect_orphans());
    if (auto collected = collector_->collect(); !collected)
        log::warning("images were not collected", {{"error", collected.error().message}});
    return {};
}

Result<Digest> Service::store_layer(Reader tar) {
    BERTH_TRY(auto ingest, parts_.content.ingest());
    std::string buffer(1 << 18, '\0');
    while (true) {
        BERTH_TRY(std::size_t got, tar(buffer.data(), buffer.size()));
        if (got == 0) break;
        BERTH_CHECK(ingest->write({buffer.data(), got}));
    }
    return ingest->commit(nullptr);
}

// An image made here gets its name, or dangles.
Result<> Service::name_made(const std::optional<oci::Reference>& reference, const Digest& id) {
    std::string type(oci::media::kOciManifest);
    if (!reference) return references_->put({std::string(kDangling) + id.text(), id, type, now()});
    BERTH_CHECK(name_image(reference->with_default_tag().text(), id, type));
    publish("tag", id, reference->with_default_tag().familiar());
    return {};
}

namespace {

Result<std::optional<oci::Reference>> reference_of(const std::string& name, const char* purpose) {
    if (name.empty()) return std::optional<oci::Reference>();
    BERTH_TRY(auto reference, oci::Reference::parse(name));
    if (reference.digest())
        return fail(ErrorKind::kInvalidArgument, fmt::format("cannot {} digest reference", purpose));
    return std::optional<oci::Reference>(std::move(reference));
}

}  // namespace

Result<Digest> Service::import(Reader tar, const std::string& name, const std::string& message,
                               const std::vector<std::string>& changes,
                               const std::optional<oci::Platform>& platform) {
    BERTH_TRY(auto reference, reference_of(name, "import"));
    Json run = Json::object();
    BERTH_CHECK(apply_changes(changes, run));
    auto pinned = collector_->pin();
    auto work = [&]() -> Result<Digest> {
        BERTH_TRY(Digest layer, store_layer(std::move(tar)));
        BERTH_TRY(confine::UnpackReport report, unpacker_.unpack_new(layer, {}));
        oci::Platform target = platform ? platform->normalised() : oci::Platform::host();
        std::string created = format_rfc3339_nano(now());
        Json config = {{"created", created}, {"architecture", target.architecture}, {"os", target.os}};
        if (!target.variant.empty()) config["variant"] = target.variant;
        config["config"] = run;
        Json history = {{"created", created}, {"comment", message.empty() ? "Imported from -" : message}};
        BERTH_TRY(Digest id, store_image(parts_.content, {}, {layer, report.diff_id}, config, history));
        BERTH_CHECK(name_made(reference, id));
        publish("import", id, id.text());
        return id;
    };
    auto done = work();
    forget();
    if (!done) (void)collector_->collect().has_value();
    return done;
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
    for (const ImageToSave& image : images) publish("save", image.target.digest, image.target.digest.text());
    return std::unique_ptr<Archive>(
        std::make_unique<SaveArchive>(parts_.content, std::move(pinned), std::move(plan)));
}

Result<Digest> Service::commit(CommitRequest request) {
    BERTH_TRY(auto reference, reference_of(request.name, "commit"));
    auto pinned = collector_->pin();
    auto work = [&]() -> Result<Digest> {
        std::optional<PlatformImage> base;
        if (request.base) {
            auto found = pick_platform(parts_.content, *request.base, {});
            if (!found)
                return in("the image of the container is gone", Result<Digest>(Failure(found.error())));
            base = std::move(*found);
        }
        BERTH_TRY(Digest layer, store_layer(std::move(request.layer)));
        std::vector<Digest> diff_ids = base ? base->config.diff_ids : std::vector<Digest>();
        BERTH_TRY(confine::UnpackReport report, unpacker_.unpack_new(layer, diff_ids));
        std::string created = format_rfc3339_nano(now());
        Json config = {{"created", created}};
        if (!base) {
            oci::Platform host = oci::Platform::host();
            config.update({{"architecture", host.architecture}, {"os", host.os}});
        }
        if (!request.author.empty()) config["author"] = request.author;
        config["config"] = Json::parse(request.config_json);
        Json history = {{"created", created}, {"created_by", request.created_by}};
        if (!request.author.empty()) history["author"] = request.author;
        if (!request.comment.empty()) history["comment"] = request.comment;
        BERTH_TRY(Digest id, store_image(parts_.content, base, {layer, report.diff_id}, config, history));
        publish("create", id, id.text());
        BERTH_CHECK(name_made(reference, id));
        return id;
    };
    auto done = work();
    forget();
    if (!done) (void)collector_->collect().has_value();
    return done;
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
    return name_image(name, target, media_type);
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
    BERTH_CHECK(name_image(reference.text(), found.target,
                           found.names.empty() ? "" : found.names.front().media_type));
    publish("tag", found.target, reference.familiar());
    return {};
}

Result<std::vector<RemovedImage>> Service::remove(const std::string& name, bool force, bool,
                                                  const std::vector<User>& users) {
    BERTH_TRY(std::vector<RemovedImage> removed, removal_.run(name, force, users));
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
