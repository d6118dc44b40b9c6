#include "engine/confine/helper_streams.h"

#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/archive/socket_body.h"
#include "engine/base/unique_fd.h"
#include "engine/confine/wire.h"
#include "engine/sys/descriptor_passing.h"

namespace berth::confine {

namespace {

class ToItsEnd final : public HelperInput {
 public:
    archive::ByteSource& source() override { return source_; }
    std::size_t beyond() const override { return 0; }

 private:
    archive::FdSource source_{STDIN_FILENO};
};

class Body final : public HelperInput {
 public:
    Body(std::string early, std::optional<std::uint64_t> length)
        : source_(STDIN_FILENO, std::move(early), length) {}
    archive::ByteSource& source() override { return source_; }
    std::size_t beyond() const override { return source_.beyond(); }

 private:
    archive::SocketBody source_;
};

class ToStdout final : public HelperOutput {
 public:
    archive::ByteSink& sink() override { return sink_; }

 private:
    archive::FdSink sink_{STDOUT_FILENO};
};

class InChunks final : public HelperOutput {
 public:
    explicit InChunks(UniqueFd socket) : socket_(std::move(socket)) {}
    archive::ByteSink& sink() override { return chunks_; }

 private:
    UniqueFd socket_;
    archive::FdSink plain_{socket_.get()};
    archive::ChunkedSink chunks_{plain_};
};

Result<std::string> receive_early(std::size_t size) {
    std::string early(size, '\0');
    for (std::size_t got = 0; got < size;) {
        std::vector<UniqueFd> none;
        auto room = std::span(early).subspan(got);
        BERTH_TRY(std::size_t more, sys::receive_with_descriptors(kResultFd, room, none));
        if (more == 0) return fail(ErrorKind::kInvalidArgument, "unexpected EOF");
        got += more;
    }
    return early;
}

}  // namespace

Result<std::unique_ptr<HelperInput>> HelperInput::open(std::string_view framing) {
    if (framing.empty()) return std::make_unique<ToItsEnd>();
    BERTH_TRY(std::string early, receive_early(std::strtoull(framing.data(), nullptr, 10)));
    std::optional<std::uint64_t> length;
    std::string_view number = framing.substr(framing.find(':') + 1);
    if (!number.empty()) length = std::strtoull(number.data(), nullptr, 10);
    return std::make_unique<Body>(std::move(early), length);
}

Result<std::unique_ptr<HelperOutput>> HelperOutput::receive() {
    char where = 0;
    std::vector<UniqueFd> fds;
    BERTH_TRY(std::size_t size, sys::receive_with_descriptors(kResultFd, {&where, 1}, fds));
    if (size == 1 && where == kOutputChunks && fds.size() == 1)
        return std::make_unique<InChunks>(std::move(fds[0]));
    if (size == 1 && where == kOutputHere) return std::make_unique<ToStdout>();
    return fail(ErrorKind::kCancelled, "nobody wants the output");
}

}  // namespace berth::confine
