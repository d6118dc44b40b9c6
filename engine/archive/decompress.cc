#include "engine/archive/decompress.h"

#include <zlib.h>
#include <zstd.h>

namespace berth::archive {

namespace {

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
    explicit Gunzip(std::unique_ptr<ByteSource> inner) : inner_(std::move(inner)), out_(1 << 18, '\0') {
        ready_ = ::inflateInit2(&stream_, 15 + 16) == Z_OK;
    }
    ~Gunzip() override { ::inflateEnd(&stream_); }

    Result<std::string_view> next() override {
        if (!ready_) return fail(ErrorKind::kInternal, "gzip: out of memory");
        stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
        stream_.avail_out = static_cast<uInt>(out_.size());
        while (stream_.avail_out == out_.size()) {
            if (stream_.avail_in == 0) {
                BERTH_TRY(input_, inner_->next());
                stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input_.data()));
                stream_.avail_in = static_cast<uInt>(input_.size());
                if (input_.empty() && between_) return std::string_view();
                if (input_.empty()) return bad("unexpected EOF");
            }
            if (between_) {
                // Another member may follow; what is no gzip header after a member is an error, as in Go.
                if (::inflateReset(&stream_) != Z_OK) return bad("gzip: invalid header");
                between_ = false;
            }
            int state = ::inflate(&stream_, Z_NO_FLUSH);
            if (state == Z_STREAM_END) {
                between_ = true;
            } else if (state == Z_DATA_ERROR) {
                std::string_view why = stream_.msg != nullptr ? stream_.msg : "";
                if (why.find("header") != why.npos || why.find("method") != why.npos)
                    return bad("gzip: invalid header");
                if (why.find("check") != why.npos) return bad("gzip: invalid checksum");
                return bad("flate: corrupt input");
            } else if (state != Z_OK && state != Z_BUF_ERROR) {
                return fail(ErrorKind::kInternal, "gzip: out of memory");
            }
        }
        return std::string_view(out_.data(), out_.size() - stream_.avail_out);
    }

 private:
    std::unique_ptr<ByteSource> inner_;
    std::string out_;
    std::string_view input_;
    z_stream stream_{};
    bool ready_ = false;
    bool between_ = false;
};

class Unzstd : public ByteSource {
 public:
    explicit Unzstd(std::unique_ptr<ByteSource> inner)
        : inner_(std::move(inner)), stream_(::ZSTD_createDStream()), out_(::ZSTD_DStreamOutSize(), '\0') {
        ::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, 27);
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
