#include "network/firewall/guard.h"

#include <fmt/format.h>

#include "engine/base/log.h"

namespace berth::network {
namespace {

// "inet TABLE" is put in front of it. Nearly every packet is of a connection that is there: it meets no set.
constexpr const char* kTable = R"( {
  flags owner;
  set bridges { type ifname; }
  set same { type ifname . ifname; }
  set closed { type ifname; }
  set internal { type ifname; }
  chain before-routing {
    type filter hook prerouting priority -310; policy accept;
    ip daddr 127.0.0.0/8 iifname @bridges drop
    ip saddr 127.0.0.0/8 iifname @bridges drop
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    ct state established,related accept
    iifname . oifname @same accept
    iifname @internal drop
    oifname @internal drop
    ct status dnat accept
    oifname @closed drop
  }
  chain arriving { type nat hook prerouting priority 0; }
  chain own { type nat hook output priority 0; }
  chain local { type nat hook input priority 200; }
  chain going { type nat hook postrouting priority 200; }
}
)";

}  // namespace

std::unique_ptr<Guard> Guard::open(const std::string& table) {
    auto context = NftContext::open();
    Result<> made = context ? (*context)->run("table inet " + table + kTable) : Failure(context.error());
    if (made) return std::unique_ptr<Guard>(new Guard(std::move(*context), table));
    log::debug("nothing holds while others flush the rules", {{"error", made.error().message}});
    return nullptr;
}

void Guard::run(const std::string& commands) const {
    if (commands.empty()) return;
    if (auto done = context_->run(commands); !done)
        log::warning("the guard of networks is not as it should be", {{"error", done.error().message}});
}

std::string Guard::element(const char* verb, const char* set, const std::string& what) const {
    return fmt::format("{} element inet {} {} {{ {} }}\n", verb, table_, set, what);
}

std::string Guard::closing(const char* verb, const std::string& bridge, Kind kind) const {
    if (kind == Kind::kOpen) return {};
    return element(verb, kind == Kind::kClosed ? "closed" : "internal", fmt::format("\"{}\"", bridge));
}

void Guard::put(const std::string& bridge, Kind kind) {
    const std::lock_guard lock(mutex_);
    if (!bridges_.emplace(bridge, kind).second) return;
    run(element("add", "bridges", fmt::format("\"{}\"", bridge)) +
        element("add", "same", fmt::format("\"{0}\" . \"{0}\"", bridge)) +
        (yields_ ? "" : closing("add", bridge, kind)));
}

void Guard::take(const std::string& bridge) {
    const std::lock_guard lock(mutex_);
    const auto found = bridges_.find(bridge);
    if (found == bridges_.end()) return;
    run((yields_ ? "" : closing("delete", bridge, found->second)) +
        element("delete", "same", fmt::format("\"{0}\" . \"{0}\"", bridge)) +
        element("delete", "bridges", fmt::format("\"{}\"", bridge)));
    bridges_.erase(found);
}

void Guard::yield_to_others(bool yields) {
    const std::lock_guard lock(mutex_);
    if (yields_ == yields) return;
    yields_ = yields;
    std::string commands;
    for (const auto& [bridge, kind] : bridges_) commands += closing(yields ? "delete" : "add", bridge, kind);
    run(commands);
}

}  // namespace berth::network
