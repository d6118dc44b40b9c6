#include <isa-l/igzip_lib.h>

#include <cstdint>

#include "engine/archive/decoders.h"

namespace berth::archive {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

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

}  // namespace

std::unique_ptr<ByteSource> gunzip(std::unique_ptr<ByteSource> inner) {
    return std::make_unique<Gunzip>(std::move(inner));
}

}  // namespace berth::archive
