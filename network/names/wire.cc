#include "network/names/wire.h"

#include <algorithm>

#include "engine/sys/descriptor_passing.h"

namespace berth::network {
namespace {

constexpr std::size_t kPacketLimit = 1 << 18;

}  // namespace

Result<> send_packet(int socket, const std::vector<std::string>& words, const std::vector<int>& descriptors) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    BERTH_CHECK(in("send to berth-netd", sys::send_with_descriptors(socket, text, descriptors)));
    return {};
}

Result<Packet> receive_packet(int socket) {
    std::string text(kPacketLimit, '\0');
    Packet packet;
    BERTH_TRY(std::size_t got,
              in("receive packet", sys::receive_with_descriptors(socket, text, packet.descriptors)));
    if (got == 0) return fail(ErrorKind::kUnavailable, "the connection has ended");
    text.resize(got);
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find(' ', at), text.size());
        packet.words.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return packet;
}

}  // namespace berth::network
