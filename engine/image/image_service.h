#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/digest.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
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

// One row of `docker images`.
struct ImageSummary {
    Digest id;
    std::vector<std::string> names;    // familiar, with tag: "busybox:latest"
    std::vector<std::string> digests;  // "busybox@sha256:…"
    Timestamp created_at{};
    std::uint64_t size = 0;
    std::map<std::string, std::string> labels;
};

// What `docker image inspect` tells beyond the config.
struct ImageDetails {
    ResolvedImage image;
    ImageSummary summary;
    std::string media_type;           // of what the name points at
    std::uint64_t target_size = 0;    // of that blob
    std::vector<std::string> layers;  // diff IDs
    std::vector<oci::History> history;
    std::vector<std::uint64_t> layer_sizes;  // unpacked bytes of each layer
    std::string author, comment, docker_version, created;
};

struct RemovedImage {
    std::string untagged, deleted;  // one of the two
};

// One progress line of the API's stream, as JSON text without a newline.
using Progress = std::function<void(std::string json)>;
// A byte stream to read: fills up to `size` bytes, 0 at the end.
using Reader = std::function<Result<std::size_t>(char* buffer, std::size_t size)>;

// References, manifests and configs over the content store and the snapshotter. Blocking; safe from any
// thread; durable when a call returns. Error texts are Docker's ("No such image: NAME").
class ImageService {
 public:
    virtual ~ImageService() = default;

    // By name[:tag], name@digest, id (of manifest, index or config) or an unambiguous prefix of one.
    virtual Result<ResolvedImage> resolve(const std::string& name,
                                          const std::optional<oci::Platform>& platform = {}) = 0;
    // docker-archive or OCI layout, plain, gzip or zstd.
    virtual Result<> load(Reader archive, Progress progress) = 0;
    // A root filesystem tar becomes a one-layer image. `changes` are Dockerfile instructions. Returns its id.
    virtual Result<Digest> import(Reader tar, const std::string& name, const std::string& message,
                                  const std::vector<std::string>& changes,
                                  const std::optional<oci::Platform>& platform) = 0;
    // What a puller has fetched into the content store: unpacks the layers of the host's platform and points
    // `name`
    // ("docker.io/library/busybox:latest") at `target` (a manifest or index). `name` may be "" (pull by
    // digest only).
    virtual Result<> adopt(const std::string& name, const Digest& target, const std::string& by_digest_name,
                           Progress progress) = 0;
    virtual Result<> tag(const std::string& source, const std::string& repository,
                         const std::string& tag) = 0;
    // `users`: containers of an image (id -> running), for the conflicts Docker reports.
    struct User {
        std::string container_id;
        Digest image;
        bool running = false;
    };
    virtual Result<std::vector<RemovedImage>> remove(const std::string& name, bool force, bool prune_parents,
                                                     const std::vector<User>& users) = 0;
    virtual Result<std::vector<ImageSummary>> list() = 0;
    // The documents behind a name or an id, for inspect and history.
    virtual Result<ImageDetails> inspect(const std::string& name) = 0;

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
};
Result<std::unique_ptr<ImageService>> open_image_service(ImageServiceParts parts);

}  // namespace berth::image
