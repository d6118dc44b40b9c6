#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/digest.h"
#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::content {

// A blob being written. Bytes are hashed as they come; nothing is visible under a digest before commit(), and
// what is dropped uncommitted leaves nothing behind.
class Ingest {
 public:
    virtual ~Ingest() = default;
    virtual Result<> write(std::string_view bytes) = 0;
    virtual std::uint64_t size() const = 0;
    // The bytes so far, to be read from their beginning while more are written.
    virtual Result<UniqueFd> reader() = 0;
    // Of an offered file: takes in what has been written to its end since.
    virtual Result<> catch_up() = 0;
    // Checks the digest and size (when expected), makes the data durable, and names it. A blob that is there
    // already is success. kInvalidArgument when they differ ("… expected sha256:…, got sha256:…").
    virtual Result<Digest> commit(const Digest* expected_digest, std::int64_t expected_size = -1) = 0;
};

// Blobs by digest, immutable, verified while written. Safe from any thread.
class ContentStore {
 public:
    virtual ~ContentStore() = default;
    virtual Result<std::unique_ptr<Ingest>> ingest() = 0;
    // The same for a blob from a line that may break: an ingest that is dropped keeps its bytes, and the next
    // one goes on where it stopped, also after a restart (size() tells where). Even a committed one is kept
    // beside its blob, until drop_partial(). What does not have `expected` is thrown away by commit().
    // kConflict while another ingest of the digest is open.
    virtual Result<std::unique_ptr<Ingest>> resume(const Digest& expected) = 0;
    virtual Result<> drop_partial(const Digest& expected) = 0;  // a missing one is no error
    virtual Result<std::uint64_t> partial_bytes() = 0;  // of all that resume() keeps without a blob beside it
    // All that nobody has open. Those that nothing has come to for eight hours go when the store is opened.
    virtual Result<> drop_partials() = 0;
    // A file of the caller's on the store's file system, read as far as it goes now, of which commit() takes
    // a link: then nobody may write it any more.
    virtual Result<std::unique_ptr<Ingest>> offer(const std::string& path) = 0;
    virtual Result<UniqueFd> open(const Digest& digest) = 0;  // kNotFound; read-only
    // A small blob whole (manifests, configs); kInvalidArgument above `limit`.
    virtual Result<std::string> read(const Digest& digest, std::size_t limit = 8 << 20) = 0;
    virtual Result<std::uint64_t> size(const Digest& digest) = 0;
    virtual bool has(const Digest& digest) = 0;
    virtual Result<> remove(const Digest& digest) = 0;  // a missing blob is no error
    virtual Result<std::vector<Digest>> list() = 0;
};

// Files below `root`/blobs/sha256, ingests below `root`/ingest (leftovers of a crash are removed on opening),
// those that can be taken up again below `root`/partial.
Result<std::unique_ptr<ContentStore>> open_content_store(const std::string& root);

}  // namespace berth::content
