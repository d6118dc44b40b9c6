#include <bzlib.h>

#include "engine/archive/decoders.h"

namespace berth::archive {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

class Unbzip2 : public ByteSource {
 public:
    explicit Unbzip2(std::unique_ptr<ByteSource> inner) : inner_(std::move(inner)), out_(1 << 18, '\0') {}
    ~Unbzip2() override {
        if (!between_) ::BZ2_bzDecompressEnd(&stream_);
    }

    Result<std::string_view> next() override {
        stream_.next_out = out_.data();
        stream_.avail_out = static_cast<unsigned>(out_.size());
        while (stream_.avail_out == out_.size()) {
            BERTH_TRY(const bool more, refill());
            if (!more && between_) return std::string_view();
            if (!more) return bad("unexpected EOF");
            if (between_) BERTH_CHECK(begin_stream());
            BERTH_CHECK(inflate());
        }
        return std::string_view(out_.data(), out_.size() - stream_.avail_out);
    }

 private:
    Result<bool> refill() {
        if (stream_.avail_in > 0) return true;
        BERTH_TRY(const std::string_view input, inner_->next());
        stream_.next_in = const_cast<char*>(input.data());
        stream_.avail_in = static_cast<unsigned>(input.size());
        return !input.empty();
    }
    // It sets up all but what goes in and out.
    Result<> begin_stream() {
        if (::BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK)
            return fail(ErrorKind::kInternal, "bzip2: no memory");
        between_ = false;
        return {};
    }
    Result<> inflate() {
        switch (::BZ2_bzDecompress(&stream_)) {
            case BZ_OK:
                return {};
            case BZ_STREAM_END:
                ::BZ2_bzDecompressEnd(&stream_);
                between_ = true;
                return {};
            case BZ_DATA_ERROR_MAGIC:
                return bad("bzip2 data invalid: bad magic value");
            default:
                return bad("bzip2 data invalid");
        }
    }

    std::unique_ptr<ByteSource> inner_;
    std::string out_;
    bz_stream stream_{};
    bool between_ = true;  // streams
};

}  // namespace

std::unique_ptr<ByteSource> unbzip2(std::unique_ptr<ByteSource> inner) {
    return std::make_unique<Unbzip2>(std::move(inner));
}

}  // namespace berth::archive
