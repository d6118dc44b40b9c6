#include "tests/unit/network/fixture.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "network/sandbox/netns.h"

namespace berth::network {
namespace {

const state::Schema kSchemas[] = {kSchema};

// Runs in the namespace of `handle`, or here.
void in_namespace(const std::string& handle, const std::function<void()>& work) {
    if (handle.empty()) return work();
    auto entered = inside_netns(handle, [&]() -> Result<> {
        work();
        return {};
    });
    ASSERT_TRUE(entered) << entered.error().message;
}

sockaddr_in address_of(const std::string& ip, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
    return address;
}

constexpr int kPatienceMs = 10'000, kQuietMs = 1000, kAgainMs = 200;

bool readable(int fd, int patience_ms) {
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&one, 1, patience_ms) == 1;
}

UniqueFd make_socket(const std::string& protocol) {
    return UniqueFd(
        ::socket(AF_INET, (protocol == "tcp" ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

std::string text_of(const sockaddr_in& peer) {
    char text[INET_ADDRSTRLEN];
    return ::inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
}

}  // namespace

std::string shell(const std::string& command) {
    std::string out;
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "re");
    char buffer[4096];
    while (std::size_t got = ::fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, got);
    ::pclose(pipe);
    return out;
}

bool comes_true(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

UniqueFd serve(const std::string& handle, const std::string& protocol, int port) {
    UniqueFd server;
    in_namespace(handle, [&] {
        server = make_socket(protocol);
        const int on = 1;
        ::setsockopt(server.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const auto any = address_of("0.0.0.0", port);
        EXPECT_EQ(::bind(server.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
        EXPECT_EQ(protocol == "tcp" ? ::listen(server.get(), 8) : 0, 0);
    });
    return server;
}

UniqueFd connected_udp(const std::string& handle, const std::string& address, int port) {
    UniqueFd client;
    in_namespace(handle, [&] {
        client = make_socket("udp");
        const auto target = address_of(address, port);
        EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target), 0);
    });
    return client;
}

namespace {

UniqueFd call(const std::string& handle, const std::string& protocol, const std::string& address, int port) {
    UniqueFd client;
    const auto target = address_of(address, port);
    in_namespace(handle, [&] {
        client = make_socket(protocol);
        ::connect(client.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target);
        EXPECT_EQ(protocol == "udp" ? ::send(client.get(), "word", 4, 0) : 4, 4);
    });
    return client;
}

// What is sent before a bridge port forwards is lost: TCP says it again by itself.
bool arrives(const UniqueFd& client, const std::string& protocol, const UniqueFd& server) {
    if (protocol == "tcp") return readable(server.get(), kPatienceMs);
    for (int waited = 0; waited < kPatienceMs; waited += kAgainMs) {
        if (readable(server.get(), kAgainMs)) return true;
        ::send(client.get(), "word", 4, 0);
    }
    return false;
}

}  // namespace

std::string talk(const std::string& handle, const std::string& protocol, const std::string& address, int port,
                 const UniqueFd& server) {
    const auto client = call(handle, protocol, address, port);
    if (!arrives(client, protocol, server)) return {};
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    char word[16];
    if (protocol == "udp") {
        if (::recvfrom(server.get(), word, sizeof word, 0, reinterpret_cast<sockaddr*>(&peer), &size) != 4)
            return {};
        ::sendto(server.get(), word, 4, 0, reinterpret_cast<const sockaddr*>(&peer), size);
    } else {
        UniqueFd accepted(::accept4(server.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
        if (!accepted || ::send(accepted.get(), "word", 4, MSG_NOSIGNAL) != 4) return {};
    }
    if (!readable(client.get(), kPatienceMs) || ::recv(client.get(), word, sizeof word, 0) != 4) return {};
    // What was said again is nobody's answer.
    while (protocol == "udp" && ::recv(server.get(), word, sizeof word, MSG_DONTWAIT) > 0) {
    }
    return text_of(peer);
}

bool out_of_reach(const std::string& handle, const std::string& protocol, const std::string& address,
                  int port, const UniqueFd& server) {
    const auto client = call(handle, protocol, address, port);
    return !readable(server.get(), kQuietMs);
}

void HostTest::SetUp() {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_EQ(::unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    // Lock files of bridges and of xtables are this host's own.
    ASSERT_EQ(::mount("tmpfs", "/run", "tmpfs", 0, nullptr), 0);
    auto folder = TempDir::make();
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    auto made = create_netns(outside(), [](int) -> Result<> { return {}; });
    ASSERT_TRUE(made) << made.error().message;
    const auto enter = "nsenter --net=" + outside() + " ";
    EXPECT_EQ(shell("ip link set lo up && ip link add eth9 type veth peer name eth0 && "
                    "ip addr add 198.51.100.1/24 dev eth9 && ip link set eth9 up"),
              "");
    // The outside has no handle that `ip` knows by name: it goes there by a process in it.
    EXPECT_EQ(
        shell(enter + "sleep 30 & p=$!; while [ \"$(stat -Lc %i /proc/$p/ns/net)\" != \"$(stat -Lc %i " +
              outside() + ")\" ]; do :; done; ip link set eth0 netns $p; kill $p"),
        "");
    EXPECT_EQ(
        shell(enter + "sh -c 'ip link set lo up; ip addr add 198.51.100.2/24 dev eth0; ip link set eth0 up; "
                      "ip route add default via 198.51.100.1'"),
        "");
}

void HostTest::TearDown() {
    service_.reset();
    database_.reset();
    if (!folder_) return;
    shell("for f in " + state() + "/netns/* " + outside() + "; do umount -l $f; done");
    ::unlink(outside().c_str());
}

std::unique_ptr<NetworkService> HostTest::open_service(NetworkConfig config) {
    config.state_dir = state();
    config.data_dir = folder_->path() + "/data";
    database_.reset();
    auto database = state::Database::open(folder_->path() + "/db", kSchemas);
    EXPECT_TRUE(database);
    database_ = std::move(*database);
    auto service = open_network_service(config, *database_, sink_);
    EXPECT_TRUE(service) << service.error().message;
    return std::move(*service);
}

void HostTest::restart(const std::vector<std::string>& live) {
    service_.reset();
    service_ = open_service();
    auto recovered = service_->recover(live);
    ASSERT_TRUE(recovered) << recovered.error().message;
}

Result<Sandbox> HostTest::attach(const std::string& container, std::vector<PortBinding> ports,
                                 const std::string& network) {
    SandboxRequest request;
    request.container_id = container;
    request.container_name = container;
    network::EndpointRequest endpoint;
    endpoint.network = network;
    endpoint.names = {container};
    request.endpoints.push_back(std::move(endpoint));
    request.ports = std::move(ports);
    return service_->attach(request);
}

}  // namespace berth::network
