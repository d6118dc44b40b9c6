#include "network/netd/control.h"

#include <sys/socket.h>

#include <charconv>

namespace berth::netd {
namespace {

Result<std::size_t> number(const std::string& text) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value > network::kMostDescriptors)
        return fail(ErrorKind::kInvalidArgument, "not a number: " + text);
    return value;
}

}  // namespace

Result<> Control::listen() {
    return loop_.add(listening_.get(), EPOLLIN, [this](std::uint32_t) { accept_daemon(); });
}

void Control::accept_daemon() {
    UniqueFd socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) return;
    const int fd = socket.get();
    if (!loop_.add(fd, EPOLLIN, [this, fd](std::uint32_t) { read_daemon(fd); })) return;
    daemons_[fd] = std::move(socket);
    started_ = true;
}

void Control::read_daemon(int fd) {
    auto packet = network::receive_packet(fd);
    if (packet && obey(fd, std::move(*packet))) return;
    loop_.remove(fd);
    daemons_.erase(fd);
}

Result<> Control::obey(int fd, network::Packet packet) {
    const auto& words = packet.words;
    if (words[0] == "hello") {
        std::vector<std::string> answer{"hello", "1"};
        for (const auto& [container, resolver] : resolvers_) answer.push_back(container);
        return network::send_packet(fd, answer);
    }
    if (words[0] == "remove" && words.size() == 2) {
        resolvers_.erase(words[1]);
        return network::send_packet(fd, {"done"});
    }
    if (words[0] != "add" || words.size() != 4) return network::send_packet(fd, {"unknown"});
    BERTH_TRY(const auto udp, number(words[2]));
    BERTH_TRY(const auto tcp, number(words[3]));
    if (packet.descriptors.size() != 2 + udp + tcp)
        return fail(ErrorKind::kInvalidArgument, "descriptors are missing");
    const auto container = words[1];
    auto resolver = std::make_unique<Resolver>(loop_, folder_, forwarder_, container, std::move(packet), udp);
    BERTH_CHECK(resolver->listen());
    resolvers_[container] = std::move(resolver);
    return network::send_packet(fd, {"done"});
}

}  // namespace berth::netd
