#include "network/firewall/legacy_watch.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "network/firewall/command.h"

namespace berth::network {
namespace {

constexpr int kPauseMs = 1000;

// struct ipt_getinfo, and ip6t_getinfo alike, of the kernel's headers, which are not C++.
struct TableInfo {
    char name[32];
    std::uint32_t valid_hooks;
    std::uint32_t hook_entry[5], underflow[5];
    std::uint32_t entries, size;
};
constexpr int kGetInfo = 64;  // IPT_SO_GET_INFO, IP6T_SO_GET_INFO

}  // namespace

LegacyWatch::LegacyWatch(UniqueFd v4, UniqueFd v6, UniqueFd stop, std::function<void()> changed)
    : v4_(std::move(v4)),
      v6_(std::move(v6)),
      stop_(std::move(stop)),
      changed_(std::move(changed)),
      thread_([this] { run(); }) {}

LegacyWatch::~LegacyWatch() {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
    thread_.join();
}

Result<std::unique_ptr<LegacyWatch>> LegacyWatch::start(std::function<void()> changed) {
    UniqueFd v4(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    if (!v4) return fail_errno("open raw socket");
    UniqueFd v6(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
    if (!stop) return fail_errno("eventfd");
    return std::unique_ptr<LegacyWatch>(
        new LegacyWatch(std::move(v4), std::move(v6), std::move(stop), std::move(changed)));
}

bool LegacyWatch::writes_legacy_tables(const std::string& tool) {
    const auto version = run_command({tool, "--version"});
    return version && version->find("nf_tables") == std::string::npos;
}

std::vector<std::uint32_t> LegacyWatch::sizes() const {
    std::vector<std::uint32_t> sizes;
    for (const char* table : {"raw", "filter", "nat"})
        for (const auto* socket : {&v4_, &v6_}) {
            TableInfo info{};
            socklen_t size = sizeof info;
            std::strcpy(info.name, table);
            const int level = socket == &v4_ ? IPPROTO_IP : IPPROTO_IPV6;
            if (!*socket || ::getsockopt(socket->get(), level, kGetInfo, &info, &size) != 0) info = {};
            sizes.push_back(info.entries);
            sizes.push_back(info.size);
        }
    return sizes;
}

void LegacyWatch::run() {
    auto last = sizes();
    pollfd stop{.fd = stop_.get(), .events = POLLIN, .revents = 0};
    while (::poll(&stop, 1, kPauseMs) == 0) {
        if (sizes() == last) continue;
        changed_();
        last = sizes();
    }
}

}  // namespace berth::network
