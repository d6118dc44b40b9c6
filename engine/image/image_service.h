#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/digest.h"
#include "engine/base/id_maps.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/confine/tar_input.h"
#include "engine/content/content_store.h"
#include "engine/events/event.h"
#include "engine/oci/image_spec.h"
#include "engine/oci/platform.h"
#include "engine/snapshot/snapshotter.h"
#include "engine/state/database.h"

namespace berth::image {

// What an image's config says about running it (OCI image config, with Docker's extensions).
struct RunConfig {
    std::string user, working_dir, stop_signal;
    std::vector<std::string> env, cmd, entrypoint, volumes, exposed_ports, shell, on_build;
    std::map<std::string, std::string> labels;
    std::string healthcheck_json;  // Docker's Healthcheck object as JSON text, or ""
};

// An image as a container needs it.
struct ResolvedImage {
    Digest id;        // of the manifest or index its name points at
    Digest manifest;  // of this platform's manifest
    Digest config;
    std::string
        top;  // chain ID of the topmost layer: the parent of a container's snapshot; "" for an empty image
    RunConfig run;
    oci::Platform platform;
    std::string config_json;  // the config blob as stored
};

// One manifest of an image: a platform's, or an attestation about one.
struct ManifestSummary {
    enum class Kind { kImage, kAttestation, kUnknown } kind = Kind::kUnknown;
    oci::Descriptor descriptor;
    bool available = false;  // whether every blob of it is here
    std::uint64_t content_size = 0, unpacked_size = 0;
    oci::Platform platform;
    std::optional<Digest> attestation_for;
};

// One row of `docker images`.
struct ImageSummary {
    Digest id;
    std::vector<std::string> names;    // familiar: "busybox:latest", "busybox@sha256:…" if pulled so
    std::vector<std::string> digests;  // "busybox@sha256:…"
    Timestamp created_at{};
    Timestamp tagged_at{};           // when a name was last pointed at it
    std::uint64_t size = 0;          // content and unpacked layers of all platforms that are here
    std::uint64_t content_size = 0;  // content alone
    std::map<std::string, std::string> labels;
    std::string media_type;  // of what the name points at
    std::uint64_t target_size = 0;
    std::vector<ManifestSummary> manifests;
    std::optional<std::uint64_t> shared_size;  // where it was asked for
    bool dangling() const { return names.empty(); }
};

using ImageList = std::shared_ptr<const std::vector<ImageSummary>>;

// What `docker image inspect` tells beyond the config.
struct ImageDetails {
    ResolvedImage image;
    ImageSummary summary;
    // What was asked for: what the name points at, or the manifest of the platform that was named.
    oci::Descriptor descriptor;
    std::vector<std::string> layers;  // diff IDs
    std::vector<oci::History> history;
    std::vector<std::uint64_t> layer_sizes;  // unpacked bytes of each layer
    std::string author, comment, docker_version, created;
    std::string parent;  // the ID of the image that it was made of here; "": none
};

// A name and what it points at.
struct NamedImage {
    std::string name;  // "docker.io/library/busybox:latest"
    oci::Descriptor target;
};

struct RemovedImage {
    std::string untagged, deleted;  // one of the two
};

struct PruneRequest {
    bool dangling_only = true;
    // The filters, on a name's image and on when the name was pointed at it.
    std::function<bool(const ImageSummary& image, Timestamp named_at)> takes;
};
struct PruneReport {
    std::vector<RemovedImage> removed;
    std::uint64_t reclaimed = 0;  // bytes of the blobs and layers that went
};

// One progress line of the API's stream, as JSON text without a newline.
using Progress = std::function<void(std::string json)>;
// A byte stream to read: fills up to `size` bytes, 0 at the end.
using Reader = std::function<Result<std::size_t>(char* buffer, std::size_t size)>;

// What `docker commit` makes of a container.
struct CommitRequest {
    Reader layer;                // a tar of the changes
    std::optional<Digest> base;  // the manifest of the image that the container was made from
    std::string parent;          // that image's ID; "": none
    std::string name;            // "": none
    std::string config_json;     // `config` of the new image's config document
    std::string author, comment, created_by;
};

// References, manifests and configs over the content store and the snapshotter. Blocking; safe from any
// thread; durable when a call returns. Error texts are Docker's ("No such image: NAME").
class ImageService {
 public:
    virtual ~ImageService() = default;

    // By name[:tag], name@digest, id (of manifest, index or config) or an unambiguous prefix of one.
    virtual Result<ResolvedImage> resolve(const std::string& name,
                                          const std::optional<oci::Platform>& platform = {}) = 0;
    // docker-archive or OCI layout, plain or compressed. With `platforms` only their parts of it: kNotFound
    // when an image has none of one. Returns whether an HTTP body was read to its end and not beyond.
    virtual Result<bool> load(confine::TarInput archive, const std::vector<oci::Platform>& platforms,
                              Progress progress) = 0;
    // A root filesystem tar becomes a one-layer image. `changes` are Dockerfile instructions. Returns its id.
    virtual Result<Digest> import(Reader tar, const std::string& name, const std::string& message,
                                  const std::vector<std::string>& changes,
                                  const std::optional<oci::Platform>& platform) = 0;
    // An archive of images by name (without a tag: all of the repository's) or id. Nothing of them is
    // collected while it is held.
    class Archive {
     public:
        virtual ~Archive() = default;
        // Writes the tar; an error leaves it cut off. Where `in_chunks`, they are HTTP's, without the last
        // one.
        virtual Result<> write(int fd, bool in_chunks) = 0;
    };
    virtual Result<std::unique_ptr<Archive>> save(const std::vector<std::string>& names,
                                                  const std::vector<oci::Platform>& platforms) = 0;
    // kNotFound when the blobs of the base are not here any more. Returns the new image's id.
    virtual Result<Digest> commit(CommitRequest request) = 0;
    // The layers of an image while they are fetched: each is unpacked as it arrives. What is not finished
    // goes with the object. Any thread.
    class Arrival {
     public:
        virtual ~Arrival() = default;
        // A layer (by its place in the manifest) is being written to `file`, which is read from its
        // beginning; once more for one that starts over. Nothing happens with one that is unpacked already.
        virtual void begin(std::size_t layer, UniqueFd file) = 0;
        // So many of its bytes are there now. Does not wait for them to be unpacked.
        virtual void grown(std::size_t layer, std::uint64_t bytes) = 0;
        // It is in the content store: waits until it is unpacked. Errors are those of adopt().
        virtual Result<> finish(std::size_t layer) = 0;
    };
    // The config of `manifest` must be in the store.
    virtual Result<std::unique_ptr<Arrival>> expect(const oci::Manifest& manifest, Progress progress) = 0;
    // What a puller has fetched into the content store: unpacks the layers of `platform` (default: the
    // host's) and points `name` ("docker.io/library/busybox:latest", "docker.io/library/busybox@sha256:…") at
    // `target` (a manifest or index).
    virtual Result<> adopt(const std::string& name, const Digest& target,
                           const std::optional<oci::Platform>& platform, Progress progress) = 0;
    virtual Result<> tag(const std::string& source, const std::string& repository,
                         const std::string& tag) = 0;
    // `users`: the containers, for the conflicts Docker reports.
    struct User {
        std::string container_id;
        Digest image;
        bool running = false;
        std::string reference;  // the image as the container's creator named it
    };
    virtual Result<std::vector<RemovedImage>> remove(const std::string& name, bool force, bool prune_parents,
                                                     const std::vector<User>& users) = 0;
    // Takes these platforms' manifests, and what only they reach, out of what `name` points at. kNotFound
    // when it has none of one.
    virtual Result<std::vector<RemovedImage>> remove_platforms(
        const std::string& name, const std::vector<oci::Platform>& platforms) = 0;
    // Dangling images, or all that no container uses; kConflict while another prune is on its way.
    virtual Result<PruneReport> prune(PruneRequest request, const std::vector<User>& users) = 0;
    // Newest first; the same object while nothing changes. `shared_sizes`: fill in shared_size.
    virtual Result<ImageList> list(bool shared_sizes = false) = 0;
    // Every name there is, in order; those of images that have lost theirs are left out.
    virtual Result<std::vector<NamedImage>> names() = 0;
    // The documents behind a name or an id, for inspect and history. kNotFound when it has no such platform:
    // "image with reference X was found but does not provide the specified platform (Y)".
    virtual Result<ImageDetails> inspect(const std::string& name,
                                         const std::optional<oci::Platform>& platform = {}) = 0;
    // Bytes of all blobs, unpacked layers and parts of blobs that broken pulls have left.
    virtual Result<std::uint64_t> disk_usage() = 0;

    // While one of these is held nothing is collected: who puts blobs into the content store takes one first
    // and drops it once adopt() has named them. Collection follows every remove(), or the end of the last
    // pin.
    virtual std::shared_ptr<void> pin() = 0;
    virtual Result<> collect_garbage() = 0;
};

extern const state::Schema kSchema;
struct ImageServiceParts {
    content::ContentStore& content;
    snapshot::Snapshotter& snapshots;
    state::Database& database;
    events::EventSink& events;
    std::string data_root;    // JSON copies of references in DATA/image/refs
    std::string helper_path;  // berth-helper, which unpacks
    IdMaps ids{};             // of the user namespace whose files layers become
};
Result<std::unique_ptr<ImageService>> open_image_service(ImageServiceParts parts);

}  // namespace berth::image
