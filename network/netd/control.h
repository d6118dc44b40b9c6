#pragma once

#include <map>
#include <memory>
#include <string>

#include "network/netd/proxy.h"
#include "network/netd/resolver.h"

namespace berth::netd {

// What daemons tell this process (network/names/wire.h), and the resolvers that come of it.
class Control {
 public:
    Control(Loop& loop, UniqueFd listening, UniqueFd names)
        : loop_(loop), listening_(std::move(listening)), folder_(std::move(names)), forwarder_(loop) {}
    Result<> listen();
    // Nobody to serve, and nobody who could ask for it.
    bool idle() const { return started_ && daemons_.empty() && resolvers_.empty() && proxies_.empty(); }

 private:
    void accept_daemon();
    void read_daemon(int fd);
    Result<> obey(int fd, network::Packet packet);
    Result<> add_resolver(network::Packet packet);
    Result<> add_proxy(network::Packet packet);

    Loop& loop_;
    UniqueFd listening_;
    NamesFolder folder_;
    Forwarder forwarder_;
    bool started_ = false;
    std::map<int, UniqueFd> daemons_;
    std::map<std::string, std::unique_ptr<Resolver>> resolvers_;  // by container
    std::map<std::string, std::unique_ptr<Proxy>> proxies_;       // by key
};

}  // namespace berth::netd
