#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// What the daemon and berth-netd say to each other over STATE/netd.sock, a SOCK_SEQPACKET socket: one message
// is one packet of words, with descriptors beside it. Version 1:
//
//   daemon                                         netd
//   hello 1                                        hello 1 CONTAINER... KEY...   what it serves
//   add CONTAINER UDPS TCPS + descriptors          done
//     the two sockets that queries come to (UDP, listening TCP), then UDPS and TCPS unconnected sockets in
//     the container's namespace, to ask its own servers with
//   remove CONTAINER                               done
//   proxy KEY tcp|udp|sctp ADDRESS PORT + descriptor    done
//     what arrives at the socket (but for UDP: listening) goes to the container's address
//   unproxy KEY                                    done
//
// netd ends when it serves nobody and no daemon is connected.
namespace berth::network {

inline constexpr int kNetdListening = 3, kNetdFolder = 4;  // what berth-netd is started with
inline constexpr std::size_t kMostDescriptors = 32;

struct Packet {
    std::vector<std::string> words;
    std::vector<UniqueFd> descriptors;
};

Result<> send_packet(int socket, const std::vector<std::string>& words,
                     const std::vector<int>& descriptors = {});
// kUnavailable at the end of the connection.
Result<Packet> receive_packet(int socket);

}  // namespace berth::network
