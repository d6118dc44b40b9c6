#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "network/names/dns_message.h"
#include "network/netd/loop.h"

namespace berth::netd {

// Sockets of a container's namespace to ask its own servers with: taken for one question, then given back.
struct AskSockets {
    std::vector<UniqueFd> udp, tcp;
    std::deque<void*> udp_queue, tcp_queue;  // questions that wait for one; Forwarder's
};

// Questions that go on to other servers, by the protocol they came by: one server after the other, each with
// its part of the time; all of them together take no longer than kLongestWait. Each question has a socket,
// port and number of its own, and only an answer from the server that was asked, with that number and
// question, counts.
class Forwarder {
 public:
    explicit Forwarder(Loop& loop) : loop_(loop) {}
    ~Forwarder();

    struct Request {
        std::string query;
        network::dns::Question question;
        std::vector<std::string> servers;
        bool tcp = false;
        std::shared_ptr<AskSockets> sockets;  // null: sockets of netd's own namespace
        // Called once, with the answer or with "server failure".
        std::function<void(std::string answer)> done;
    };
    void ask(Request request);
    static constexpr std::chrono::milliseconds kLongestWait{4500};

 private:
    struct Pending;
    void try_next(Pending* pending);
    // false: it waits for a socket, and is tried again then.
    bool take_socket(Pending* pending, bool v6);
    Result<bool> send(Pending* pending);
    void await(Pending* pending, std::chrono::milliseconds longest);
    void give_back(Pending* pending);
    static std::deque<void*>& queue_of(Pending* pending);
    void readable(Pending* pending, std::uint32_t events);
    void answered(Pending* pending, std::string answer);
    void drop_socket(Pending* pending);
    void finish(Pending* pending, std::string answer);

    Loop& loop_;
    std::unordered_set<Pending*> pending_;
};

}  // namespace berth::netd
