#include "engine/image/layer_media.h"

#include <unistd.h>

#include "engine/base/files.h"
#include "engine/confine/recompress.h"
#include "engine/oci/image_spec.h"

namespace berth::image {

using archive::Compression;

namespace {

std::string with_suffix(std::string_view type, char separator, Compression compression) {
    std::string out(type);
    if (compression == Compression::kGzip) out += separator + std::string("gzip");
    if (compression == Compression::kZstd) out += separator + std::string("zstd");
    return out;
}

}  // namespace

Result<Compression> compression_of(int file) {
    char head[archive::kCompressionHead];
    const ssize_t got = ::pread(file, head, sizeof head, 0);
    if (got < 0) return fail_errno("read layer");
    return archive::compression_of({head, static_cast<std::size_t>(got)});
}

bool has_media_type(Compression compression) {
    return compression != Compression::kBzip2 && compression != Compression::kXz;
}

std::string oci_layer_type(Compression compression) {
    return with_suffix(oci::media::kOciLayer, '+', compression);
}

std::string docker_layer_type(Compression compression) {
    return with_suffix(oci::media::kDockerLayer, '.', compression);
}

Result<Digest> store_recompressed(content::ContentStore& content, const confine::HelperOptions& helper,
                                  int file, const std::string& scratch) {
    BERTH_TRY(TempDir folder, TempDir::make(scratch));
    // Its ids are nobody's: the file is the engine's own.
    BERTH_TRY(const std::string made, confine::recompress({.path = helper.path}, file, folder.path()));
    BERTH_TRY(auto offered, content.offer(made));
    return offered->commit(nullptr);
}

}  // namespace berth::image
