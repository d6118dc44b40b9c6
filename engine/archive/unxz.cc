#include <lzma.h>

#include <cstdint>

#include "engine/archive/decoders.h"

namespace berth::archive {

namespace {

// What `xz -9` needs, with its window of 64 MiB, of which pages are taken as data fills them.
constexpr std::uint64_t kMemory = 66 << 20;

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

class Unxz : public ByteSource {
 public:
    explicit Unxz(std::unique_ptr<ByteSource> inner) : inner_(std::move(inner)), out_(1 << 18, '\0') {
        started_ = ::lzma_stream_decoder(&stream_, kMemory, LZMA_CONCATENATED) == LZMA_OK;
    }
    ~Unxz() override { ::lzma_end(&stream_); }

    Result<std::string_view> next() override {
        if (!started_) return fail(ErrorKind::kInternal, "xz: no memory");
        stream_.next_out = reinterpret_cast<std::uint8_t*>(out_.data());
        stream_.avail_out = out_.size();
        while (stream_.avail_out == out_.size() && !ended_) {
            BERTH_CHECK(refill());
            BERTH_CHECK(inflate());
        }
        return std::string_view(out_.data(), out_.size() - stream_.avail_out);
    }

 private:
    Result<> refill() {
        if (stream_.avail_in > 0 || input_ended_) return {};
        BERTH_TRY(const std::string_view input, inner_->next());
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(input.data());
        stream_.avail_in = input.size();
        input_ended_ = input.empty();
        return {};
    }
    Result<> inflate() {
        switch (::lzma_code(&stream_, input_ended_ ? LZMA_FINISH : LZMA_RUN)) {
            case LZMA_OK:
                return {};
            case LZMA_STREAM_END:
                ended_ = true;
                return {};
            case LZMA_BUF_ERROR:
                return bad("unexpected EOF");
            case LZMA_MEMLIMIT_ERROR:
                return bad("xz: the archive takes too much memory");
            default:
                return bad("xz: corrupt input");
        }
    }

    std::unique_ptr<ByteSource> inner_;
    std::string out_;
    lzma_stream stream_ = LZMA_STREAM_INIT;
    bool started_ = false, input_ended_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> unxz(std::unique_ptr<ByteSource> inner) {
    return std::make_unique<Unxz>(std::move(inner));
}

}  // namespace berth::archive
