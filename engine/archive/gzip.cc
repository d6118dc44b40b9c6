#include "engine/archive/gzip.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace berth::archive {

namespace {
// isa-l's cuts of its input are its own only where it gets it in pieces of one size.
constexpr std::size_t kPiece = 256 << 10;
}  // namespace

struct Gzip::State {
    isal_zstream stream{};
    std::string level = std::string(ISAL_DEF_LVL1_DEFAULT, '\0');
    std::string out = std::string(kPiece, '\0');
    std::string in;
};

Gzip::Gzip(Put put) : put_(std::move(put)), state_(std::make_unique<State>()) {
    ::isal_deflate_init(&state_->stream);
    state_->stream.level = 1;
    state_->stream.level_buf = reinterpret_cast<std::uint8_t*>(state_->level.data());
    state_->stream.level_buf_size = static_cast<std::uint32_t>(state_->level.size());
    state_->stream.gzip_flag = IGZIP_GZIP;
    state_->in.reserve(kPiece);
}

Gzip::~Gzip() = default;

Result<> Gzip::deflate() {
    isal_zstream& stream = state_->stream;
    stream.next_in = reinterpret_cast<std::uint8_t*>(state_->in.data());
    stream.avail_in = static_cast<std::uint32_t>(state_->in.size());
    do {
        stream.next_out = reinterpret_cast<std::uint8_t*>(state_->out.data());
        stream.avail_out = static_cast<std::uint32_t>(state_->out.size());
        if (::isal_deflate(&stream) != COMP_OK) return fail(ErrorKind::kInternal, "gzip: cannot compress");
        const std::size_t size = state_->out.size() - stream.avail_out;
        if (size > 0) BERTH_CHECK(put_({state_->out.data(), size}));
    } while (stream.avail_out == 0 || stream.avail_in > 0);
    state_->in.clear();
    return {};
}

Result<> Gzip::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t size = std::min(bytes.size(), kPiece - state_->in.size());
        state_->in.append(bytes.substr(0, size));
        bytes.remove_prefix(size);
        if (state_->in.size() == kPiece) BERTH_CHECK(deflate());
    }
    return {};
}

Result<> Gzip::finish() {
    state_->stream.end_of_stream = 1;
    do {
        BERTH_CHECK(deflate());
    } while (state_->stream.internal_state.state != ZSTATE_END);
    return {};
}

}  // namespace berth::archive
