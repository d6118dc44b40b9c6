#pragma once

#include "engine/image/image_service.h"
#include "engine/image/naming.h"
#include "engine/image/unpacker.h"

namespace berth::image {

// Images made here: out of a root file system's tar, or of a container's changes. Whoever calls holds a pin.
// Any thread.
class Maker {
 public:
    // `scratch`: a folder on the content store's file system.
    Maker(content::ContentStore& content, Unpacker& unpacker, Naming& naming, std::string scratch)
        : content_(content), unpacker_(unpacker), naming_(naming), scratch_(std::move(scratch)) {}

    // As ImageService has them.
    Result<Digest> import(Reader tar, const std::string& name, const std::string& message,
                          const std::vector<std::string>& changes,
                          const std::optional<oci::Platform>& platform);
    Result<Digest> commit(CommitRequest request);

 private:
    // Compressed, unless it is already in a way that layers are kept in: what is pushed and saved is what is
    // stored.
    Result<Digest> store_layer(Reader tar);

    content::ContentStore& content_;
    Unpacker& unpacker_;
    Naming& naming_;
    std::string scratch_;
};

}  // namespace berth::image
