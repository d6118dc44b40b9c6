#include "engine/shim/server.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/shim/protocol/socket.h"
#include "engine/shim/protocol/wire.h"

namespace berth::shim {

namespace {

void reply(const std::shared_ptr<Connection>& peer, std::uint32_t tag, const Result<>& result) {
    if (result) return peer->send(MessageType::kReply, tag, {});
    peer->send(MessageType::kFailure, tag, encode_failure(result.error()));
}

// An answer that carries one number, `bytes` wide.
Container::Answer replier(std::shared_ptr<Connection> peer, std::uint32_t tag, int bytes) {
    return [peer = std::move(peer), tag, bytes](Result<std::int64_t> result) {
        if (!result) return peer->send(MessageType::kFailure, tag, encode_failure(result.error()));
        WireWriter out;
        if (bytes == 1) out.u8(static_cast<std::uint8_t>(*result));
        if (bytes == 4) out.u32(static_cast<std::uint32_t>(*result));
        if (bytes == 8) out.i64(*result);
        peer->send(MessageType::kReply, tag, out.take());
    };
}

}  // namespace

Server::Server(Loop& loop, TaskFile task, UniqueFd listening, UniqueFd signals, UniqueFd first,
               UniqueFd runtime)
    : loop_(loop),
      listening_(std::move(listening)),
      signals_(std::move(signals)),
      container_(
          loop, std::move(task), std::move(runtime),
          {[this] { send_all(MessageType::kExited, encode_exit(*container_.status().exit)); },
           [this](const ExecExit& exit) { send_all(MessageType::kExecExited, encode_exec_exit(exit)); },
           [this](const Health& health) { send_all(MessageType::kHealth, encode_health(health)); },
           [&loop] { loop.stop(); }, [this](std::string text) { send_all(MessageType::kNotice, text); }}),
      accepting_(loop, listening_.get(), EPOLLIN, [this](std::uint32_t) { accept(); }),
      reaping_(loop, signals_.get(), EPOLLIN, [this](std::uint32_t) { reap_children(); }) {
    add(std::move(first));
}

void Server::accept() {
    UniqueFd socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket && check_peer(socket.get())) add(std::move(socket));
}

void Server::add(UniqueFd socket) {
    Connection::Events events;
    events.frame = [this](const Peer& peer, Frame frame) { answer(peer, std::move(frame)); };
    events.gone = [this](Connection* gone) {
        std::erase_if(peers_, [gone](const Peer& peer) { return peer.get() == gone; });
    };
    peers_.push_back(Connection::open(loop_, std::move(socket), std::move(events)));
}

void Server::send_all(MessageType type, std::string_view payload) {
    for (const Peer& peer : peers_) peer->send(type, 0, payload);
}

void Server::reap_children() {
    signalfd_siginfo signal{};
    [[maybe_unused]] ssize_t got = ::read(signals_.get(), &signal, sizeof signal);
    // One signal may stand for many children. Orphans of the container come here too: we are their subreaper.
    while (true) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL) != 0 || info.si_pid == 0) return;
        container_.child_ended(info.si_pid,
                               info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status);
    }
}

void Server::answer(const Peer& peer, Frame frame) {
    if (frame.type != MessageType::kHello) return ask_container(peer, frame);
    auto hello = decode_hello(frame.payload);
    if (!hello) return reply(peer, frame.tag, Failure(std::move(hello.error())));
    Status status = container_.status();
    peer->send(MessageType::kHello, frame.tag, encode_hello(&status));
}

void Server::ask_container(const Peer& peer, const Frame& frame) {
    WireReader in(frame.payload);
    switch (frame.type) {
        case MessageType::kCreate: {
            UniqueFd root;
            if (in.u8() != 0) root = peer->take_descriptor();
            return container_.create(std::move(root), replier(peer, frame.tag, 4));
        }
        case MessageType::kMount:
            return reply(peer, frame.tag, container_.add_mount(peer->take_descriptor()));
        case MessageType::kStart:
            return container_.start(replier(peer, frame.tag, 8));
        case MessageType::kDelete:
            return container_.remove(replier(peer, frame.tag, 1));
        case MessageType::kKill: {
            auto signal = static_cast<int>(in.u32());
            return container_.kill(signal,
                                   [peer, tag = frame.tag](Result<> result) { reply(peer, tag, result); });
        }
        case MessageType::kAttach: {
            UniqueFd socket = peer->take_descriptor();
            if (!socket)
                return reply(peer, frame.tag, fail(ErrorKind::kInvalidArgument, "attach without a socket"));
            return replier(peer, frame.tag, 8)(container_.attach(std::move(socket), in.u8()));
        }
        case MessageType::kResize: {
            sys::WindowSize size;
            size.rows = in.u16();
            size.columns = in.u16();
            return reply(peer, frame.tag, container_.resize(size));
        }
        case MessageType::kPause:
        case MessageType::kResume:
            return container_.freeze(frame.type == MessageType::kPause,
                                     [peer, tag = frame.tag](Result<> result) { reply(peer, tag, result); });
        case MessageType::kExec: {
            auto request = decode_exec(frame.payload);
            if (!request) return reply(peer, frame.tag, Failure(std::move(request.error())));
            UniqueFd client;
            if (request->streams != 0) client = peer->take_descriptor();
            return container_.exec(std::move(*request), std::move(client), replier(peer, frame.tag, 4));
        }
        case MessageType::kExecResize: {
            std::string id = in.text();
            sys::WindowSize size;
            size.rows = in.u16();
            size.columns = in.u16();
            return reply(peer, frame.tag, container_.resize_exec(id, size));
        }
        case MessageType::kExecKill: {
            std::string id = in.text();
            auto signal = static_cast<int>(in.u32());
            return reply(peer, frame.tag, container_.kill_exec(id, signal));
        }
        case MessageType::kExecTold:
            return container_.exec_told(in.text());
        default:
            return reply(peer, frame.tag,
                         fail(ErrorKind::kNotImplemented, "this shim does not know the request"));
    }
}

}  // namespace berth::shim
