#include "engine/archive/decompress.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <cstdint>

namespace berth::archive {

namespace {

constexpr int kWindowLog = 25;

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

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

class Gunzip : public ByteSource {
 public:
    explicit Gunzip(std::unique_ptr<ByteSource> inner)
        : inner_(std::move(inner)), out_(1 << 18, '\0'), state_(std::make_unique<inflate_state>()) {
        ::isal_inflate_init(state_.get());
        state_->crc_flag = ISAL_GZIP;
    }

    Result<std::string_view> next() override {
        state_->next_out = reinterpret_cast<std::uint8_t*>(out_.data());
        state_->avail_out = static_cast<std::uint32_t>(out_.size());
        while (state_->avail_out == out_.size()) {
            BERTH_TRY(const bool more, refill());
            if (!more && between_) return std::string_view();
            if (between_) begin_member();
            BERTH_CHECK(inflate());
            if (!more && !between_ && state_->avail_out == out_.size()) return bad("unexpected EOF");
        }
        return std::string_view(out_.data(), out_.size() - state_->avail_out);
    }

 private:
    // false at the end of the input; what has been read may still have output in it.
    Result<bool> refill() {
        if (state_->avail_in > 0) return true;
        BERTH_TRY(input_, inner_->next());
        state_->next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(input_.data()));
        state_->avail_in = static_cast<std::uint32_t>(input_.size());
        return !input_.empty();
    }
    // Another member may follow; what is no gzip header after a member is an error, as in Go.
    void begin_member() {
        ::isal_inflate_reset(state_.get());
        state_->crc_flag = ISAL_GZIP;
        between_ = false;
    }
    Result<> inflate() {
        switch (::isal_inflate(state_.get())) {
            case ISAL_DECOMP_OK:
                between_ = state_->block_state == ISAL_BLOCK_FINISH;
                return {};
            case ISAL_INVALID_WRAPPER:
            case ISAL_UNSUPPORTED_METHOD:
                return bad("gzip: invalid header");
            case ISAL_INCORRECT_CHECKSUM:
                return bad("gzip: invalid checksum");
            default:
                return bad("flate: corrupt input");
        }
    }

    std::unique_ptr<ByteSource> inner_;
    std::string out_;
    std::string_view input_;
    std::unique_ptr<inflate_state> state_;
    bool between_ = false;  // members
};

class Unzstd : public ByteSource {
 public:
    explicit Unzstd(std::unique_ptr<ByteSource> inner)
        : inner_(std::move(inner)), stream_(::ZSTD_createDStream()), out_(::ZSTD_DStreamOutSize(), '\0') {
        ::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kWindowLog);
    }
    ~Unzstd() override { ::ZSTD_freeDStream(stream_); }

    Result<std::string_view> next() override {
        ZSTD_outBuffer out{out_.data(), out_.size(), 0};
        while (out.pos == 0) {
            if (input_.pos == input_.size) {
                BERTH_TRY(std::string_view piece, inner_->next());
                if (piece.empty() && frame_done_) return std::string_view();
                if (piece.empty()) return bad("unexpected EOF");
                input_ = {piece.data(), piece.size(), 0};
            }
            std::size_t left = ::ZSTD_decompressStream(stream_, &out, &input_);
            if (::ZSTD_isError(left) != 0) return bad(std::string("zstd: ") + ::ZSTD_getErrorName(left));
            frame_done_ = left == 0;
        }
        return std::string_view(out_.data(), out.pos);
    }

 private:
    std::unique_ptr<ByteSource> inner_;
    ZSTD_DStream* stream_;
    std::string out_;
    ZSTD_inBuffer input_{nullptr, 0, 0};
    bool frame_done_ = true;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> decompress(ByteSource& source) {
    std::string first;
    while (first.size() < 4) {
        BERTH_TRY(std::string_view piece, source.next());
        if (piece.empty()) break;
        first += piece;
    }
    bool gzip = first.starts_with("\x1f\x8b");
    bool zstd = first.starts_with("\x28\xb5\x2f\xfd");
    std::unique_ptr<ByteSource> peeked = std::make_unique<Peeked>(source, std::move(first));
    if (gzip) return std::unique_ptr<ByteSource>(std::make_unique<Gunzip>(std::move(peeked)));
    if (zstd) return std::unique_ptr<ByteSource>(std::make_unique<Unzstd>(std::move(peeked)));
    return peeked;
}

}  // namespace berth::archive
