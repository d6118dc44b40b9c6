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
    Async<Result<>> write(std::string_view) override { co_return Result<>(); }
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
    std::string firewall() override { return "iptables"; }
    void announce(const std::string&) override {}
    Result<> detach(const std::string&) override { return {}; }
    Result<> recover(const std::vector<std::string>&) override { return {}; }
    std::optional<network::Sandbox> find(const std::string&) override { return std::nullopt; }
    std::vector<Network> list() override {
        Network none{.name = "none", .id = "aa11", .driver = "null"};
        Network bridge{.name = "bridge", .id = "bb22", .driver = "bridge"};
        bridge.pools = {{"172.17.0.0/16", "", "172.17.0.1", {}}};
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
    Result<network::Sandbox> connect(const std::string&, const network::EndpointRequest&) override {
        return network::Sandbox{};
    }
    Result<network::Sandbox> disconnect(const std::string&, const std::string&) override {
        return network::Sandbox{};
    }
    Result<> relink(const std::string&, std::vector<network::LinkedPort>) override { return {}; }
    void rename(const std::string&, const std::string&, const std::string&) override {}
    Result<Network> create(Network wanted) override {
        wanted.id = "dd44";
        created = wanted;
        return wanted;
    }
    Result<> remove(const std::string& name) override {
        removed = name;
        return {};
    }
    std::vector<std::string> prune(const std::function<bool(const Network&)>& wanted) override {
        return wanted(Network{.name = "old", .labels = {{"a", "b"}}}) ? std::vector<std::string>{"old"}
                                                                      : std::vector<std::string>{};
    }
    Result<> check(const Network&, const network::EndpointRequest&) override { return {}; }
    Result<std::string> resolv_conf(network::Resolver, const std::vector<std::string>&,
                                    const std::vector<std::string>&,
                                    const std::vector<std::string>&) override {
        return std::string();
    }

    Network created;
    std::string removed;
};

class Containers final : public container::ContainerNetworks {
 public:
    Async<Result<>> connect(std::string network, std::string ref, types::EndpointRequest endpoint) override {
        connected = network + " " + ref + " " + endpoint.ipam.value_or(types::EndpointIpam()).ipv4_address;
        co_return Result<>();
    }
    Async<Result<>> disconnect(std::string network, std::string ref, bool force) override {
        connected = "not " + network + " " + ref + (force ? " by force" : "");
        co_return Result<>();
    }

    std::string connected;
};

class Text final : public http::BodyReader {
 public:
    explicit Text(std::string text) : text_(std::move(text)) {}
    Async<Result<std::size_t>> read_some(std::span<char> buffer) override {
        const auto count = text_.copy(buffer.data(), buffer.size());
        text_.erase(0, count);
        co_return count;
    }

 private:
    std::string text_;
};

class NetworkRoutes : public testing::Test {
 protected:
    json ask(const std::string& method, const std::string& path, const std::string& query = {},
             const std::string& body = {}) {
        IoContext io;
        async::BlockingPool pool(1);
        Router router;
        add_network_routes(router, networks_, containers_, pool);
        Recorder recorder;
        http::Request request;
        request.method = method;
        request.path = request.target = path;
        request.query = http::Query::parse(query);
        if (!body.empty()) {
            request.headers.add("Content-Type", "application/json");
            request.headers.add("Content-Length", std::to_string(body.size()));
        }
        Text text(body);
        request.body = &text;
        auto handler = router.handler();
        async::block_on(io, handler(request, recorder));
        status_ = recorder.status;
        return json::parse(recorder.body, nullptr, false);
    }
    std::size_t listed(const std::string& filters) {
        return ask("GET", "/networks", "filters=" + filters).size();
    }

    Networks networks_;
    Containers containers_;
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

TEST_F(NetworkRoutes, CreateReadsEveryField) {
    const auto answer =
        ask("POST", "/networks/create", "",
            R"({"Name":"n","Driver":"bridge","EnableIPv6":true,"Internal":true,"IPAM":{"Driver":"",
                            "Options":{"o":"1"},"Config":[{"Subnet":"10.5.0.0/16","IPRange":"10.5.7.0/24",
                            "Gateway":"10.5.7.1","AuxiliaryAddresses":{"h":"10.5.7.2"}}]},"Labels":{"a":"b"},
                            "ConfigFrom":{"Network":"other"}})");
    EXPECT_EQ(status_, 201u);
    EXPECT_EQ(answer, json::parse(R"({"Id":"dd44","Warning":""})"));
    const auto& made = networks_.created;
    EXPECT_TRUE(made.ipv4 && made.ipv6 && made.internal);
    EXPECT_EQ(made.ipam_driver, "default");
    EXPECT_EQ(made.config_from, "other");
    const network::IpamConfig wanted{"10.5.0.0/16", "10.5.7.0/24", "10.5.7.1", {{"h", "10.5.7.2"}}};
    EXPECT_EQ(made.requested, std::vector{wanted});
    EXPECT_EQ(
        ask("POST", "/networks/create", "", R"({"Name":5})")["message"],
        "invalid JSON: json: cannot unmarshal number into Go struct field CreateRequest.Name of type string");
    EXPECT_EQ(status_, 400u);
}

TEST_F(NetworkRoutes, RemovePruneConnectDisconnect) {
    ask("DELETE", "/networks/bridge");
    EXPECT_EQ(status_, 204u);
    EXPECT_EQ(networks_.removed, "bridge");
    EXPECT_EQ(ask("POST", "/networks/prune")["NetworksDeleted"], json::parse(R"(["old"])"));
    EXPECT_TRUE(ask("POST", "/networks/prune", R"(filters={"label!":["a"]})")["NetworksDeleted"].is_null());
    ask("POST", "/networks/n/connect", "",
        R"({"Container":"c","EndpointConfig":{"IPAMConfig":{"IPv4Address":"10.0.0.9"}}})");
    EXPECT_EQ(status_, 200u);
    EXPECT_EQ(containers_.connected, "n c 10.0.0.9");
    ask("POST", "/networks/n/disconnect", "", R"({"Container":"c","Force":true})");
    EXPECT_EQ(containers_.connected, "not n c by force");
}

}  // namespace
}  // namespace berth::api
