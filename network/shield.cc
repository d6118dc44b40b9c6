// What holds while somebody else has taken the rules.
#include <unistd.h>

#include <fmt/format.h>

#include "network/service.h"

namespace berth::network {
namespace {

Guard::Kind kind_of(const Bridge& bridge, bool direct) {
    if (bridge.internal) return Guard::Kind::kInternal;
    const auto& settings = bridge.settings;
    const bool closed = settings.mode4 == GatewayMode::kNat && settings.mode6 == GatewayMode::kNat &&
                        settings.trusted.empty() && !direct;
    return closed ? Guard::Kind::kClosed : Guard::Kind::kOpen;
}

}  // namespace

void Service::open_guard() {
    if (!firewalls_.v4 && !firewalls_.v6) return;
    // One of this process: a former one's goes when the kernel has cleared that away.
    guard_ = Guard::open(fmt::format("berth-guard-{}", ::getpid()));
    if (!guard_) return;
    yield_to_others();
    for (const auto& [id, network] : networks_)
        if (network.bridge) shield(*network.bridge);
}

void Service::yield_to_others() {
    if (!guard_) return;
    guard_->yield_to_others((firewalls_.v4 && firewalls_.v4->others_allow()) ||
                            (firewalls_.v6 && firewalls_.v6->others_allow()));
}

void Service::shield(const Bridge& bridge) {
    if (guard_) guard_->put(bridge.settings.name, kind_of(bridge, config_.allow_direct_routing));
}

void Service::unshield(const Bridge& bridge) {
    if (guard_) guard_->take(bridge.settings.name);
}

}  // namespace berth::network
