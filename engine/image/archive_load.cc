#include "engine/image/archive_load.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/base/files.h"
#include "engine/image/documents.h"
#include "engine/image/layer_media.h"
#include "engine/image/parallel.h"
#include "engine/oci/image_spec.h"
#include "engine/oci/json_shape.h"
#include "engine/oci/reference.h"

namespace berth::image {

namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t kDocumentLimit = 8 << 20;

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

class ArchiveReader {
 public:
    ArchiveReader(content::ContentStore& content, ArchiveArrival& arrival, const std::string& folder,
                  const std::vector<confine::ArchiveMember>& members,
                  const std::vector<oci::Platform>& platforms)
        : content_(content), arrival_(arrival), folder_(folder), platforms_(platforms) {
        for (const confine::ArchiveMember& member : members) files_[member.name] = member.file;
    }

    bool has(const std::string& name) const { return files_.contains(name); }
    Result<std::vector<LoadedImage>> oci_layout();
    Result<std::vector<LoadedImage>> docker_archive();

 private:
    Result<UniqueFd> open(const std::string& name) {
        auto found = files_.find(name);
        if (found == files_.end()) return bad(fmt::format("open {}: no such file or directory", name));
        return open_file(folder_ + "/" + found->second, O_RDONLY | O_NOFOLLOW);
    }
    Result<std::string> text(const std::string& name) {
        BERTH_TRY(UniqueFd file, open(name));
        return in(name, read_all(file.get(), kDocumentLimit));
    }
    Result<Digest> store_file(const std::string& name, const Digest* expected, std::int64_t size);
    struct StoredLayer {
        Digest digest;
        archive::Compression compression;
    };
    Result<StoredLayer> store_layer(const std::string& name);
    Result<> store_tree(const oci::Descriptor& descriptor, int depth);
    Result<LoadedImage> docker_image(const Json& entry);

    // Whether a manifest of an index is among what was asked for.
    bool wanted(const oci::Descriptor& child) const {
        if (platforms_.empty() || !child.platform) return true;
        return std::any_of(platforms_.begin(), platforms_.end(), [&](const oci::Platform& platform) {
            return platform.normalised().runs(*child.platform);
        });
    }

    content::ContentStore& content_;
    ArchiveArrival& arrival_;
    std::string folder_;
    const std::vector<oci::Platform>& platforms_;
    std::map<std::string, std::string> files_;
    std::mutex mutex_;
    std::map<std::string, Digest> stored_;  // files that images share
};

// Takes a member into the store.
Result<Digest> ArchiveReader::store_file(const std::string& name, const Digest* expected, std::int64_t size) {
    const std::string& member = files_.at(name);
    {
        std::lock_guard guard(mutex_);
        auto known = stored_.find(member);
        if (known != stored_.end() && (expected == nullptr || known->second == *expected))
            return known->second;
    }
    BERTH_TRY(auto offered, in(name, arrival_.offer(member)));
    BERTH_TRY(Digest digest, in(name, offered->commit(expected, size)));
    arrival_.identify(member, digest);
    std::lock_guard guard(mutex_);
    stored_.emplace(member, digest);
    return digest;
}

// Takes one of a docker-archive's layers, which says nowhere how it is compressed.
Result<ArchiveReader::StoredLayer> ArchiveReader::store_layer(const std::string& name) {
    BERTH_TRY(UniqueFd file, open(name));
    BERTH_TRY(const archive::Compression compression, in(name, compression_of(file.get())));
    if (has_media_type(compression)) {
        BERTH_TRY(Digest digest, store_file(name, nullptr, -1));
        return StoredLayer{std::move(digest), compression};
    }
    BERTH_TRY(Digest digest, in(name, arrival_.store_recompressed(files_.at(name))));
    return StoredLayer{std::move(digest), archive::Compression::kGzip};
}

Result<> ArchiveReader::store_tree(const oci::Descriptor& descriptor, int depth) {
    std::string name = "blobs/sha256/" + std::string(descriptor.digest.hex());
    // A layout need not hold the blobs of every platform.
    if (!has(name)) return {};
    BERTH_CHECK(store_file(name, &descriptor.digest, descriptor.size));
    bool nested =
        oci::media::is_index(descriptor.media_type) || oci::media::is_manifest(descriptor.media_type);
    if (!nested || depth > 4) return {};
    BERTH_TRY(std::string bytes, text(name));
    BERTH_TRY(oci::Document document, oci::parse_document(bytes, descriptor.media_type));
    if (const auto* index = std::get_if<oci::Index>(&document)) {
        for (const oci::Descriptor& child : index->manifests) {
            if (wanted(child)) BERTH_CHECK(store_tree(child, depth + 1));
        }
        return {};
    }
    const auto& manifest = std::get<oci::Manifest>(document);
    BERTH_CHECK(check_depth(manifest.layers.size()));
    BERTH_CHECK(store_tree(manifest.config, depth + 1));
    return run_parallel(manifest.layers.size(),
                        [&](std::size_t i) { return store_tree(manifest.layers[i], depth + 1); });
}

Result<std::vector<LoadedImage>> ArchiveReader::oci_layout() {
    BERTH_TRY(std::string bytes, text("index.json"));
    BERTH_CHECK(in("invalid index.json", oci::check_json_shape(bytes)));
    Json json = Json::parse(bytes, nullptr, false);
    if (!json.is_object() || !json.contains("manifests") || !json["manifests"].is_array()) {
        return bad("invalid index.json");
    }
    std::map<std::string, std::size_t> by_target;
    std::vector<LoadedImage> images;
    for (const Json& entry : json["manifests"]) {
        BERTH_TRY(oci::Descriptor descriptor, oci::parse_descriptor(nlohmann::json(entry)));
        if (!has("blobs/sha256/" + std::string(descriptor.digest.hex()))) {
            return bad("missing content for " + descriptor.digest.text());
        }
        auto [at, fresh] = by_target.try_emplace(descriptor.digest.text(), images.size());
        if (fresh) {
            BERTH_CHECK(store_tree(descriptor, 0));
            images.push_back({{}, descriptor.digest, descriptor.media_type});
        }
        auto name = descriptor.annotations.find("io.containerd.image.name");
        if (name == descriptor.annotations.end()) continue;
        BERTH_TRY(oci::Reference reference, oci::Reference::parse(name->second));
        images[at->second].names.push_back(reference.with_default_tag().text());
    }
    return images;
}

Result<LoadedImage> ArchiveReader::docker_image(const Json& entry) {
    if (!entry.is_object()) return bad("invalid manifest.json");
    std::string config_name;
    std::vector<std::string> tags, layers;
    try {
        config_name = entry.at("Config").get<std::string>();
        if (entry.contains("RepoTags") && !entry["RepoTags"].is_null())
            tags = entry["RepoTags"].get<std::vector<std::string>>();
        if (entry.contains("Layers") && !entry["Layers"].is_null())
            layers = entry["Layers"].get<std::vector<std::string>>();
    } catch (const Json::exception&) {
        return bad("invalid manifest.json");
    }
    BERTH_TRY(std::string config, text(config_name));
    BERTH_TRY(oci::ImageConfig parsed,
              in("invalid image config " + config_name, oci::parse_image_config(config)));
    if (parsed.diff_ids.size() != layers.size()) {
        return bad(fmt::format("invalid manifest, layers length mismatch: expected {}, got {}",
                               parsed.diff_ids.size(), layers.size()));
    }
    BERTH_CHECK(check_depth(layers.size()));
    BERTH_TRY(Digest config_digest, store_bytes(content_, config));
    Json manifest = {{"schemaVersion", 2},
                     {"mediaType", oci::media::kDockerManifest},
                     {"config",
                      {{"mediaType", oci::media::kDockerConfig},
                       {"digest", config_digest.text()},
                       {"size", config.size()}}},
                     {"layers", Json::array()}};
    std::vector<std::optional<StoredLayer>> stored(layers.size());
    BERTH_CHECK(run_parallel(layers.size(), [&](std::size_t i) -> Result<> {
        BERTH_TRY(stored[i], store_layer(layers[i]));
        return {};
    }));
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const auto& [digest, compression] = *stored[i];
        if (compression == archive::Compression::kNone && digest != parsed.diff_ids[i]) {
            return bad(fmt::format("invalid diffID for layer {}: expected \"{}\", got \"{}\"", i,
                                   parsed.diff_ids[i].text(), digest.text()));
        }
        BERTH_TRY(std::uint64_t size, content_.size(digest));
        manifest["layers"].push_back(
            {{"mediaType", docker_layer_type(compression)}, {"digest", digest.text()}, {"size", size}});
    }
    BERTH_TRY(Digest target, store_bytes(content_, manifest.dump()));
    LoadedImage image{{}, target, std::string(oci::media::kDockerManifest)};
    for (const std::string& tag : tags) {
        BERTH_TRY(oci::Reference reference, oci::Reference::parse(tag));
        image.names.push_back(reference.with_default_tag().text());
    }
    return image;
}

Result<std::vector<LoadedImage>> ArchiveReader::docker_archive() {
    BERTH_TRY(std::string bytes, text("manifest.json"));
    BERTH_CHECK(in("invalid manifest.json", oci::check_json_shape(bytes)));
    Json json = Json::parse(bytes, nullptr, false);
    if (!json.is_array()) return bad("invalid manifest.json");
    std::vector<LoadedImage> images;
    for (const Json& entry : json) {
        BERTH_TRY(LoadedImage image, docker_image(entry));
        images.push_back(std::move(image));
    }
    return images;
}

}  // namespace

Result<Digest> store_bytes(content::ContentStore& content, std::string_view bytes) {
    BERTH_TRY(auto ingest, content.ingest());
    BERTH_CHECK(ingest->write(bytes));
    return ingest->commit(nullptr);
}

Result<std::vector<LoadedImage>> read_archive(content::ContentStore& content, ArchiveArrival& arrival,
                                              const std::string& folder,
                                              const std::vector<confine::ArchiveMember>& members,
                                              const std::vector<oci::Platform>& platforms) {
    ArchiveReader reader(content, arrival, folder, members, platforms);
    if (reader.has("oci-layout") && reader.has("index.json")) return reader.oci_layout();
    if (reader.has("manifest.json")) return reader.docker_archive();
    return bad("unrecognized image format");
}

}  // namespace berth::image
