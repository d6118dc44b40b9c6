#include "engine/image/archive_save.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/archive/tar_writer.h"
#include "engine/base/files.h"
#include "engine/image/documents.h"
#include "engine/oci/reference.h"

namespace berth::image {

namespace {

using Json = nlohmann::ordered_json;

std::string blob_path(const Digest& digest) {
    return "blobs/sha256/" + std::string(digest.hex());
}

bool complete(content::ContentStore& content, const oci::Manifest& manifest) {
    auto here = [&](const oci::Descriptor& blob) { return content.has(blob.digest); };
    return here(manifest.config) && std::all_of(manifest.layers.begin(), manifest.layers.end(), here);
}

// The manifest of `platform`, as something to point at.
Result<oci::Descriptor> platform_target(content::ContentStore& content, const oci::Descriptor& target,
                                        const oci::Platform& platform) {
    auto picked = pick_platform(content, target.digest, platform);
    if (!picked || !complete(content, picked->manifest)) {
        return fail(ErrorKind::kInternal, "no suitable export target found for platform " + platform.text());
    }
    BERTH_TRY(std::uint64_t size, content.size(picked->manifest_digest));
    return oci::Descriptor{.media_type = picked->manifest.media_type,
                           .digest = picked->manifest_digest,
                           .size = static_cast<std::int64_t>(size),
                           .platform = picked->config.platform,
                           .annotations = {},
                           .artifact_type = {}};
}

// What an archive's index has to point at: the image as it is, if all of it is here, else the parts that are.
Result<std::vector<oci::Descriptor>> targets_of(content::ContentStore& content, const oci::Descriptor& target,
                                                const std::vector<oci::Platform>& platforms) {
    std::vector<oci::Descriptor> out;
    for (const oci::Platform& platform : platforms) {
        BERTH_TRY(oci::Descriptor found, platform_target(content, target, platform));
        out.push_back(std::move(found));
    }
    if (!out.empty()) return out;
    bool whole = true;
    for (const ReachedManifest& reached : reached_manifests(content, target)) {
        bool here = reached.manifest && complete(content, *reached.manifest);
        whole = whole && here;
        if (here && reached.manifest->runnable()) out.push_back(reached.descriptor);
    }
    if (whole) return std::vector<oci::Descriptor>{target};
    if (out.empty())
        return fail(ErrorKind::kInternal, "no suitable export target found: nothing of the image is here");
    return out;
}

// An entry of manifest.json: what loaders that know no OCI layout read.
Result<Json> docker_entry(content::ContentStore& content, const oci::Descriptor& target,
                          const std::string& name) {
    BERTH_TRY(PlatformImage image, pick_platform(content, target.digest, {}));
    Json layers = Json::array(), sources = Json::object();
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
        const oci::Descriptor& layer = image.manifest.layers[i];
        layers.push_back(blob_path(layer.digest));
        sources[image.config.diff_ids[i].text()] = {
            {"mediaType", layer.media_type}, {"size", layer.size}, {"digest", layer.digest.text()}};
    }
    Json tags = nullptr;
    if (auto reference = oci::Reference::parse(name); reference && !reference->tag().empty())
        tags = Json::array({reference->familiar()});
    return Json{{"Config", blob_path(image.manifest.config.digest)},
                {"RepoTags", tags},
                {"Layers", layers},
                {"LayerSources", sources}};
}

// Images of one manifest share an entry.
void add_docker_entry(Json& list, Json entry) {
    for (Json& known : list) {
        if (known["Config"] != entry["Config"] || known["Layers"] != entry["Layers"]) continue;
        if (known["RepoTags"].is_null()) known["RepoTags"] = Json::array();
        for (const Json& tag : entry["RepoTags"]) known["RepoTags"].push_back(tag);
        if (known["RepoTags"].empty()) known["RepoTags"] = nullptr;
        return;
    }
    list.push_back(std::move(entry));
}

Json index_entry(const oci::Descriptor& target, const std::string& name) {
    oci::Descriptor named = target;
    if (auto reference = oci::Reference::parse(name); reference && !name.empty()) {
        named.annotations["io.containerd.image.name"] = name;
        if (!reference->tag().empty())
            named.annotations["org.opencontainers.image.ref.name"] = reference->tag();
    }
    return oci::to_json(named);
}

archive::TarEntry entry_of(archive::TarEntry::Type type, std::string path, mode_t mode, std::uint64_t size) {
    archive::TarEntry entry;
    entry.type = type;
    entry.path = std::move(path);
    entry.mode = mode;
    entry.size = size;
    return entry;
}

Result<> add_text(archive::TarWriter& out, std::string path, mode_t mode, const std::string& text) {
    UniqueFd memory(::memfd_create("text", MFD_CLOEXEC));
    if (!memory) return fail_errno("memfd_create");
    BERTH_CHECK(write_all(memory.get(), text));
    if (::lseek(memory.get(), 0, SEEK_SET) != 0) return fail_errno("lseek");
    BERTH_CHECK(out.add(entry_of(archive::TarEntry::Type::kFile, std::move(path), mode, text.size())));
    return out.content(memory.get(), text.size());
}

Result<ImageToSave> image_to_save(content::ContentStore& content, const NamedTarget& named,
                                  std::string name) {
    BERTH_TRY(std::uint64_t size, content.size(named.target));
    oci::Descriptor target{.media_type = named.media_type,
                           .digest = named.target,
                           .size = static_cast<std::int64_t>(size),
                           .platform = {},
                           .annotations = {},
                           .artifact_type = {}};
    return ImageToSave{std::move(target), std::move(name)};
}

}  // namespace

Result<std::vector<ImageToSave>> find_images(Catalog& catalog, References& references,
                                             content::ContentStore& content, const std::string& text) {
    std::vector<ImageToSave> out;
    auto reference = oci::Reference::parse(text);
    if (reference && reference->name_only()) {
        BERTH_TRY(auto all, references.list());
        for (const NamedTarget& named : all) {
            auto known = oci::Reference::parse(named.name);
            if (!known || known->tag().empty() || known->name() != reference->name()) continue;
            BERTH_TRY(ImageToSave one, image_to_save(content, named, named.name));
            out.push_back(std::move(one));
        }
        if (!out.empty()) return out;
    }
    BERTH_TRY(Found found, catalog.find(text));
    if (found.exact) {
        BERTH_TRY(ImageToSave one, image_to_save(content, *found.exact, found.exact->name));
        out.push_back(std::move(one));
    } else if (!found.names.empty()) {
        BERTH_TRY(ImageToSave one, image_to_save(content, found.names.front(), ""));
        out.push_back(std::move(one));
    }
    return out;
}

Result<SavePlan> plan_save(content::ContentStore& content, const std::vector<ImageToSave>& images,
                           const std::vector<oci::Platform>& platforms) {
    std::set<Digest> blobs;
    Json entries = Json::array(), manifests = Json::array();
    for (const ImageToSave& image : images) {
        BERTH_TRY(auto targets, targets_of(content, image.target, platforms));
        for (const oci::Descriptor& target : targets) {
            entries.push_back(index_entry(target, image.name));
            for (const Digest& blob : reachable_blobs(content, target.digest)) blobs.insert(blob);
        }
        BERTH_TRY(Json entry, docker_entry(content, targets.front(), image.name));
        add_docker_entry(manifests, std::move(entry));
    }
    SavePlan plan;
    plan.blobs.assign(blobs.begin(), blobs.end());
    Json index = {{"schemaVersion", 2}, {"mediaType", oci::media::kOciIndex}, {"manifests", entries}};
    plan.index_json = index.dump();
    plan.manifest_json = manifests.dump();
    return plan;
}

Result<> write_archive(content::ContentStore& content, const SavePlan& plan, archive::ByteSink& sink) {
    using Type = archive::TarEntry::Type;
    archive::TarWriter out(sink);
    BERTH_CHECK(out.add(entry_of(Type::kFolder, "blobs", 0755, 0)));
    BERTH_CHECK(out.add(entry_of(Type::kFolder, "blobs/sha256", 0755, 0)));
    for (const Digest& digest : plan.blobs) {
        BERTH_TRY(std::uint64_t size, content.size(digest));
        BERTH_TRY(UniqueFd blob, content.open(digest));
        BERTH_CHECK(out.add(entry_of(Type::kFile, blob_path(digest), 0444, size)));
        BERTH_CHECK(out.content(blob.get(), size));
    }
    BERTH_CHECK(add_text(out, "index.json", 0644, plan.index_json));
    BERTH_CHECK(add_text(out, "manifest.json", 0644, plan.manifest_json));
    BERTH_CHECK(add_text(out, "oci-layout", 0444, R"({"imageLayoutVersion":"1.0.0"})"));
    return out.finish();
}

}  // namespace berth::image
