#include "engine/archive/decompress.h"

#include "engine/archive/decoders.h"

namespace berth::archive {

namespace {

// Gives back the piece that was looked at, then goes on.
class Peeked : public ByteSource {
 public:
    Peeked(ByteSource& inner, std::string first) : inner_(inner), first_(std::move(first)) {}
    Result<std::string_view> next() override {
        if (!given_) {
            given_ = true;
            if (!first_.empty()) return std::string_view(first_);
        }
        return inner_.next();
    }

 private:
    ByteSource& inner_;
    std::string first_;
    bool given_ = false;
};

}  // namespace

Compression compression_of(std::string_view head) {
    if (head.starts_with("\x1f\x8b")) return Compression::kGzip;
    if (head.starts_with("\x28\xb5\x2f\xfd")) return Compression::kZstd;
    if (head.starts_with("BZh")) return Compression::kBzip2;
    if (head.starts_with(std::string_view("\xfd"
                                          "7zXZ\0",
                                          6)))
        return Compression::kXz;
    return Compression::kNone;
}

Result<std::unique_ptr<ByteSource>> decompress(ByteSource& source, Compression* found) {
    std::string first;
    while (first.size() < kCompressionHead) {
        BERTH_TRY(std::string_view piece, source.next());
        if (piece.empty()) break;
        first += piece;
    }
    const Compression compression = compression_of(first);
    if (found != nullptr) *found = compression;
    std::unique_ptr<ByteSource> peeked = std::make_unique<Peeked>(source, std::move(first));
    switch (compression) {
        case Compression::kGzip:
            return gunzip(std::move(peeked));
        case Compression::kZstd:
            return unzstd(std::move(peeked));
        case Compression::kBzip2:
            return unbzip2(std::move(peeked));
        case Compression::kXz:
            return unxz(std::move(peeked));
        default:
            return peeked;
    }
}

}  // namespace berth::archive
