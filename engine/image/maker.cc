#include "engine/image/maker.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/archive/gzip.h"
#include "engine/base/files.h"
#include "engine/image/assembly.h"
#include "engine/image/layer_media.h"
#include "engine/image/run_config.h"

namespace berth::image {

namespace {
using Json = nlohmann::ordered_json;
}

namespace {

constexpr std::size_t kPiece = 1 << 18;

// As much as fits, or all there is.
Result<std::string_view> fill(const Reader& tar, std::string& buffer) {
    buffer.resize(kPiece);
    std::size_t filled = 0;
    while (filled < kPiece) {
        BERTH_TRY(std::size_t got, tar(buffer.data() + filled, kPiece - filled));
        if (got == 0) break;
        filled += got;
    }
    return std::string_view(buffer.data(), filled);
}

}  // namespace

Result<Digest> Maker::store_layer(Reader tar) {
    BERTH_TRY(auto ingest, content_.ingest());
    std::string buffer;
    BERTH_TRY(std::string_view piece, fill(tar, buffer));
    const archive::Compression compression = archive::compression_of(piece);
    const bool plain = compression == archive::Compression::kNone;
    archive::Gzip gzip([&](std::string_view bytes) { return ingest->write(bytes); });
    while (!piece.empty()) {
        BERTH_CHECK(plain ? gzip.write(piece) : ingest->write(piece));
        // A reader is not asked again after its end.
        if (piece.size() < kPiece) break;
        BERTH_TRY(piece, fill(tar, buffer));
    }
    if (plain) BERTH_CHECK(gzip.finish());
    if (has_media_type(compression)) return ingest->commit(nullptr);
    BERTH_TRY(UniqueFd file, ingest->reader());
    BERTH_CHECK(make_folders(scratch_, 0700));
    return store_recompressed(content_, unpacker_.helper(), file.get(), scratch_);
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

Result<Digest> Maker::import(Reader tar, const std::string& name, const std::string& message,
                             const std::vector<std::string>& changes,
                             const std::optional<oci::Platform>& platform) {
    BERTH_TRY(auto reference, reference_of(name, "import"));
    Json run = Json::object();
    BERTH_CHECK(apply_changes(changes, run));
    BERTH_TRY(Digest layer, store_layer(std::move(tar)));
    BERTH_TRY(Digest diff_id, unpacker_.unpack_new(layer, {}));
    oci::Platform target = platform ? platform->normalised() : oci::Platform::host();
    std::string created = format_rfc3339_nano(now());
    Json config = {{"created", created}, {"architecture", target.architecture}, {"os", target.os}};
    if (!target.variant.empty()) config["variant"] = target.variant;
    config["config"] = run;
    Json history = {{"created", created}, {"comment", message.empty() ? "Imported from -" : message}};
    BERTH_TRY(Digest id, store_image(content_, {}, {layer, diff_id}, config, history));
    BERTH_CHECK(naming_.name_made(reference, id));
    naming_.publish("import", id, id.text());
    return id;
}

Result<Digest> Maker::commit(CommitRequest request) {
    BERTH_TRY(auto reference, reference_of(request.name, "commit"));
    std::optional<PlatformImage> base;
    if (request.base) {
        auto found = pick_platform(content_, *request.base, {});
        if (!found) return in("the image of the container is gone", Result<Digest>(Failure(found.error())));
        base = std::move(*found);
    }
    BERTH_TRY(Digest layer, store_layer(std::move(request.layer)));
    std::vector<Digest> diff_ids = base ? base->config.diff_ids : std::vector<Digest>();
    BERTH_TRY(Digest diff_id, unpacker_.unpack_new(layer, diff_ids));
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
    BERTH_TRY(Digest id, store_image(content_, base, {layer, diff_id}, config, history));
    naming_.publish("create", id, id.text());
    BERTH_CHECK(naming_.name_made(reference, id, request.parent));
    return id;
}

}  // namespace berth::image
