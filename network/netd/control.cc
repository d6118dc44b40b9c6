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

Result<> Control::add_resolver(network::Packet packet) {
    const auto& words = packet.words;
    if (words.size() != 4) return fail(ErrorKind::kInvalidArgument, "add CONTAINER UDPS TCPS");
    BERTH_TRY(const auto udp, number(words[2]));
    BERTH_TRY(const auto tcp, number(words[3]));
    if (packet.descriptors.size() != 2 + udp + tcp)
        return fail(ErrorKind::kInvalidArgument, "descriptors are missing");
    const auto container = words[1];
    auto resolver = std::make_unique<Resolver>(loop_, folder_, forwarder_, container, std::move(packet), udp);
    BERTH_CHECK(resolver->listen());
    resolvers_[container] = std::move(resolver);
    return {};
}

Result<> Control::add_proxy(network::Packet packet) {
    const auto& words = packet.words;
    const auto target = network::Ip::parse(words.size() == 5 ? words[3] : "");
    if (!target || packet.descriptors.size() != 1)
        return fail(ErrorKind::kInvalidArgument, "proxy KEY PROTOCOL ADDRESS PORT");
    unsigned port = 0;
    const auto& digits = words[4];
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port > 65535)
        return fail(ErrorKind::kInvalidArgument, "not a port: " + digits);
    const auto make = words[2] == "udp"    ? make_udp_proxy
                      : words[2] == "sctp" ? make_sctp_proxy
                                           : make_tcp_proxy;
    auto proxy = make(loop_, std::move(packet.descriptors[0]), *target, static_cast<std::uint16_t>(port));
    BERTH_CHECK(proxy->start());
    proxies_[words[1]] = std::move(proxy);
    return {};
}

Result<> Control::obey(int fd, network::Packet packet) {
    const auto word = packet.words[0];
    if (word == "hello") {
        std::vector<std::string> answer{"hello", "1"};
        for (const auto& [container, resolver] : resolvers_) answer.push_back(container);
        for (const auto& [key, proxy] : proxies_) answer.push_back(key);
        return network::send_packet(fd, answer);
    }
    Result<> done;
    if (word == "add") {
        done = add_resolver(std::move(packet));
    } else if (word == "proxy") {
        done = add_proxy(std::move(packet));
    } else if (word == "remove" && packet.words.size() == 2) {
        resolvers_.erase(packet.words[1]);
    } else if (word == "unproxy" && packet.words.size() == 2) {
        proxies_.erase(packet.words[1]);
    } else {
        return network::send_packet(fd, {"unknown"});
    }
    BERTH_CHECK(done);
    return network::send_packet(fd, {"done"});
}

}  // namespace berth::netd
