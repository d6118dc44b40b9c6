#include <zstd.h>

#include "engine/archive/decoders.h"

namespace berth::archive {

namespace {

// 32 MiB.
constexpr int kWindowLog = 25;

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

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

std::unique_ptr<ByteSource> unzstd(std::unique_ptr<ByteSource> inner) {
    return std::make_unique<Unzstd>(std::move(inner));
}

}  // namespace berth::archive
