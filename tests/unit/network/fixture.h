#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/files.h"
#include "network/network_service.h"

namespace berth::network {

// A host of its own for every test: a child process in new network and mount namespaces, with an "outside"
// network (198.51.100.2) behind eth9 (198.51.100.1). Skips without root.
class HostTest : public testing::Test {
 protected:
    void SetUp() override;
    void TearDown() override;

    // A service over this test's state; the database is opened anew each time, as after a daemon start.
    std::unique_ptr<NetworkService> open_service(NetworkConfig config = {});
    // With the previous one gone first.
    void restart(const std::vector<std::string>& live);
    Result<Sandbox> attach(const std::string& container, std::vector<PortBinding> ports = {},
                           const std::string& network = "bridge");

    std::string state() const { return folder_->path() + "/state"; }
    // The handle of the outside network, "" for the host itself.
    std::string outside() const { return folder_->path() + "/outside"; }

    struct Sink : events::EventSink {
        void publish(events::Event event) override { actions.push_back(event.type + " " + event.action); }
        std::vector<std::string> actions;
    } sink_;
    std::optional<TempDir> folder_;
    std::unique_ptr<state::Database> database_;
    std::unique_ptr<NetworkService> service_;
};

// What a shell command prints.
std::string shell(const std::string& command);
// Polls: a dying namespace takes a moment.
bool comes_true(const std::function<bool()>& condition);

// A listening socket (or bound, for udp) in the namespace of `handle` ("" is the host).
UniqueFd serve(const std::string& handle, const std::string& protocol, int port);
UniqueFd connected_udp(const std::string& handle, const std::string& address, int port);
// Sends a word from `handle` to address:port and wants it back from whoever serves on `server`, with
// patience. The peer the server saw, "" if nothing arrived.
std::string talk(const std::string& handle, const std::string& protocol, const std::string& address, int port,
                 const UniqueFd& server);
// Sends one, too, which does not arrive there within a second.
bool out_of_reach(const std::string& handle, const std::string& protocol, const std::string& address,
                  int port, const UniqueFd& server);

}  // namespace berth::network
