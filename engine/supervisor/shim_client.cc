#include "engine/supervisor/shim_client.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include "engine/async/race.h"
#include "engine/async/token.h"
#include "engine/shim/protocol/socket.h"
#include "engine/shim/protocol/wire.h"

namespace berth::supervisor {

using Descriptor = boost::asio::posix::stream_descriptor;

struct ShimClient::Socket {
    explicit Socket(IoContext& io, int fd) : descriptor(io, fd) {}
    Descriptor descriptor;
};

namespace {
constexpr auto kAnswerLimit = std::chrono::seconds(60);
Failure gone() {
    return fail(ErrorKind::kUnavailable, "the container's shim is gone");
}
}  // namespace

ShimClient::ShimClient(IoContext& io, UniqueFd socket, Events events)
    : io_(io), socket_(std::make_unique<Socket>(io, socket.release())), events_(std::move(events)) {}

ShimClient::~ShimClient() = default;

Async<void> ShimClient::serve() {
    std::string bytes;
    std::vector<UniqueFd> descriptors;
    bool good = true;
    while (good) {
        auto [error] = co_await socket_->descriptor.async_wait(Descriptor::wait_read, async::kToken);
        if (error) break;
        bytes.clear();
        auto got = shim::receive(socket_->descriptor.native_handle(), bytes, descriptors);
        if (!got) break;
        frames_.append(bytes);
        while (good) {
            auto frame = frames_.next();
            good = frame.has_value();
            if (!frame || !*frame) break;
            take(std::move(**frame));
        }
    }
    gone_ = true;
    fail_all();
}

void ShimClient::take(shim::Frame frame) {
    if (frame.type == shim::MessageType::kExited) {
        if (auto exit = shim::decode_exit(frame.payload)) events_.exited(std::move(*exit));
        return;
    }
    if (frame.type == shim::MessageType::kExecExited) {
        if (auto exit = shim::decode_exec_exit(frame.payload)) events_.exec_exited(std::move(*exit));
        return;
    }
    if (frame.type == shim::MessageType::kHealth) {
        if (auto health = shim::decode_health(frame.payload)) events_.health(std::move(*health));
        return;
    }
    if (frame.type == shim::MessageType::kNotice) return events_.notice(std::move(frame.payload));
    auto found = questions_.find(frame.tag);
    if (found == questions_.end()) return;
    auto question = std::move(found->second);
    questions_.erase(found);
    if (frame.type == shim::MessageType::kFailure) {
        question->answer = Failure(shim::decode_failure(frame.payload));
    } else {
        question->answer = std::move(frame.payload);
    }
    question->answered.set();
}

void ShimClient::fail_all() {
    for (auto& [tag, question] : std::exchange(questions_, {})) {
        question->answer = gone();
        question->answered.set();
    }
}

Async<Result<std::string>> ShimClient::ask(shim::MessageType type, std::string payload, UniqueFd fd) {
    if (gone_) co_return gone();
    std::uint32_t tag = ++last_tag_;
    auto question = std::make_shared<Question>(io_);
    questions_[tag] = question;
    std::string frame = shim::encode_frame(type, tag, payload);
    if (auto sent = shim::send_message(socket_->descriptor.native_handle(), frame, fd.get()); !sent) {
        questions_.erase(tag);
        co_return gone();
    }
    fd.reset();
    auto answered = question->answered.wait();
    if (type == shim::MessageType::kCreate || type == shim::MessageType::kStart ||
        type == shim::MessageType::kExec) {
        BERTH_CO_CHECK(co_await std::move(answered));
    } else {
        auto in_time = co_await async::with_deadline(kAnswerLimit, "ask shim", std::move(answered));
        if (!in_time) co_return Failure(std::move(in_time.error()));
    }
    co_return std::move(question->answer);
}

void ShimClient::tell(shim::MessageType type, std::string_view payload) {
    if (gone_) return;
    std::string frame = shim::encode_frame(type, 0, payload);
    // A connection that does not take it is about to be found broken.
    (void)shim::send_message(socket_->descriptor.native_handle(), frame).has_value();
}

Async<Result<shim::Status>> ShimClient::greet() {
    std::string hello = shim::encode_hello(nullptr);
    BERTH_CO_TRY(std::string answer, co_await ask(shim::MessageType::kHello, std::move(hello), UniqueFd()));
    BERTH_CO_TRY(auto status, shim::decode_hello(answer));
    if (!status) co_return fail(ErrorKind::kDataLoss, "the shim did not say what it is");
    co_return std::move(*status);
}

void ShimClient::close() {
    boost::system::error_code ignored;
    socket_->descriptor.cancel(ignored);
    socket_->descriptor.close(ignored);
}

}  // namespace berth::supervisor
