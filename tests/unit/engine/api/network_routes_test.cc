#include "engine/api/network_routes.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/async/spawn.h"

namespace berth::api {
namespace {

using network::Endpoint;
using network::Network;
using nlohmann::json;

class Recorder final : public http::Responder {
 public:
    Async<Result<>> send(unsigned code, http::Headers, std::string text) override {
        status = code;
        body = std::move(text);
        co_return Result<>();
    }
    Async<Result<>> begin(unsigned code, http::Headers fields) override {
        return send(code, std::move(fields), "");
    }
    Async<Result<>> write(std::string) override { co_return Result<>(); }
    Async<Result<>> end() override { co_return Result<>(); }
    Async<Result<std::unique_ptr<async::Stream>>> hijack(std::string) override {
        co_return std::unique_ptr<async::Stream>();
    }
    bool started() const override { return status != 0; }
    Async<void> client_gone() override { co_return; }

    unsigned status = 0;
    std::string body;
};

// The predefined networks, one container on the bridge.
class Networks final : public network::NetworkService {
 public:
    Result<network::Sandbox> attach(const network::SandboxRequest&) override { return network::Sandbox{}; }
    Result<> detach(const std::string&) override { return {}; }
    Result<> recover(const std::vector<std::string>&) override { return {}; }
    std::optional<network::Sandbox> find(const std::string&) override { return std::nullopt; }
    std::vector<Network> list() override {
        Network none{.name = "none", .id = "aa11", .driver = "null"};
        Network bridge{.name = "bridge", .id = "bb22", .driver = "bridge"};
        bridge.subnet = "172.17.0.0/16";
        bridge.gateway = "172.17.0.1";
        return {none, bridge};
    }
    Result<Network> inspect(const std::string& name) override {
        for (auto& network : list())
            if (network.name == name || network.id == name) return network;
        return fail(ErrorKind::kNotFound, "network " + name + " not found");
    }
    std::map<std::string, Endpoint> members(const std::string& id) override {
        if (id != "bb22") return {};
        Endpoint endpoint;
        endpoint.container_name = "web";
        endpoint.ip_address = "172.17.0.2";
        endpoint.prefix_length = 16;
        return {{"cc33", endpoint}};
    }
    Result<std::string> resolv_conf(const std::string&, const std::vector<std::string>&,
                                    const std::vector<std::string>&,
                                    const std::vector<std::string>&) override {
        return std::string();
    }
};

class NetworkRoutes : public testing::Test {
 protected:
    NetworkRoutes() { add_network_routes(router_, networks_); }

    json ask(const std::string& method, const std::string& path, const std::string& query = {}) {
        IoContext io;
        Recorder recorder;
        http::Request request;
        request.method = method;
        request.path = request.target = path;
        request.query = http::Query::parse(query);
        auto handler = router_.handler();
        async::block_on(io, handler(request, recorder));
        status_ = recorder.status;
        return json::parse(recorder.body, nullptr, false);
    }
    std::size_t listed(const std::string& filters) {
        return ask("GET", "/networks", "filters=" + filters).size();
    }

    Networks networks_;
    Router router_;
    unsigned status_ = 0;
};

TEST_F(NetworkRoutes, Inspect) {
    const auto bridge = ask("GET", "/networks/bridge");
    EXPECT_EQ(status_, 200u);
    EXPECT_EQ(bridge["IPAM"]["Config"],
              json::parse(R"([{"Subnet":"172.17.0.0/16","Gateway":"172.17.0.1"}])"));
    EXPECT_EQ(bridge["Containers"]["cc33"]["IPv4Address"], "172.17.0.2/16");
    EXPECT_EQ(bridge["Containers"]["cc33"]["Name"], "web");
    EXPECT_EQ(bridge.size(), 16u);
    EXPECT_TRUE(ask("GET", "/networks/none")["IPAM"]["Config"].is_null());
    EXPECT_EQ(ask("GET", "/networks/x")["message"], "network x not found");
    EXPECT_EQ(status_, 404u);
}

TEST_F(NetworkRoutes, ListAndItsFilters) {
    EXPECT_EQ(listed("{}"), 2u);
    EXPECT_TRUE(ask("GET", "/networks")[1]["Containers"].empty());
    EXPECT_EQ(listed(R"({"name":["^bridge$"]})"), 1u);
    EXPECT_EQ(listed(R"({"name":["rid"]})"), 1u);
    EXPECT_EQ(listed(R"({"driver":{"null":true}})"), 1u);
    EXPECT_EQ(listed(R"({"type":["custom"]})"), 0u);
    EXPECT_EQ(listed(R"({"label":["a"]})"), 0u);
    EXPECT_EQ(listed(R"({"dangling":["true"]})"), 0u);
    EXPECT_EQ(listed(R"({"dangling":["false"]})"), 2u);
    EXPECT_EQ(ask("GET", "/networks", R"(filters={"bogus":["x"]})")["message"], "invalid filter 'bogus'");
    EXPECT_EQ(status_, 400u);
}

TEST_F(NetworkRoutes, WhatIsNotSupportedSaysSo) {
    EXPECT_EQ(ask("DELETE", "/networks/bridge")["message"],
              "bridge is a pre-defined network and cannot be removed");
    EXPECT_EQ(status_, 403u);
    ask("DELETE", "/networks/x");
    EXPECT_EQ(status_, 404u);
    ask("POST", "/networks/bridge/connect");
    EXPECT_EQ(status_, 501u);
    EXPECT_TRUE(ask("POST", "/networks/prune")["NetworksDeleted"].is_null());
    EXPECT_EQ(status_, 200u);
}

}  // namespace
}  // namespace berth::api
