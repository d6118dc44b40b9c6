#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "network/names/wire.h"
#include "network/netd/forwarder.h"
#include "network/netd/loop.h"
#include "network/netd/names_folder.h"

namespace berth::netd {

// 127.0.0.11 of one container: its two sockets, the TCP connections to it, what it has under way. No
// container can have more under way than kMostQuestions, so that none keeps others from being answered.
class Resolver {
 public:
    Resolver(Loop& loop, NamesFolder& folder, Forwarder& forwarder, std::string container,
             network::Packet sockets, std::size_t udp_to_ask);
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    Result<> listen();

 private:
    using Reply = std::function<void(std::string answer)>;
    struct Connection;

    void read_datagrams();
    void accept_connection();
    void read_connection(int fd);
    void write_connection(int fd, const std::string& answer);
    void close_connection(int fd);
    // `limit`: how long an answer by UDP may be; 0: by TCP.
    void answer(std::string query, bool tcp, Reply reply);

    Loop& loop_;
    NamesFolder& folder_;
    Forwarder& forwarder_;
    const std::string container_;
    UniqueFd udp_, tcp_;
    std::shared_ptr<AskSockets> ask_;
    std::unordered_map<int, std::unique_ptr<Connection>> connections_;
    std::size_t under_way_ = 0;
    // Gone with this object: replies that come later are dropped.
    std::shared_ptr<Resolver*> self_;
};

}  // namespace berth::netd
