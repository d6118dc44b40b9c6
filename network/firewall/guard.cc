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

Guard::Guard(std::shared_ptr<NftContext> context, std::string table)
    : context_(std::move(context)), table_(std::move(table)), thread_([this] { follow(); }) {}

Guard::~Guard() {
    {
        const std::lock_guard lock(mutex_);
        stops_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

std::string Guard::element(const char* verb, const char* set, const std::string& what) const {
    return fmt::format("{} element inet {} {} {{ {} }}\n", verb, table_, set, what);
}

std::string Guard::closing(const char* verb, const std::string& bridge, Kind kind) const {
    if (kind == Kind::kOpen) return {};
    return element(verb, kind == Kind::kClosed ? "closed" : "internal", fmt::format("\"{}\"", bridge));
}

std::string Guard::coming(const std::string& bridge, Kind kind, bool yields) const {
    return element("add", "bridges", fmt::format("\"{}\"", bridge)) +
           element("add", "same", fmt::format("\"{0}\" . \"{0}\"", bridge)) +
           (yields ? "" : closing("add", bridge, kind));
}

std::string Guard::going(const std::string& bridge, Kind kind, bool yields) const {
    return (yields ? "" : closing("delete", bridge, kind)) +
           element("delete", "same", fmt::format("\"{0}\" . \"{0}\"", bridge)) +
           element("delete", "bridges", fmt::format("\"{}\"", bridge));
}

std::string Guard::difference(const State& from, const State& to) const {
    std::string commands;
    for (const auto& [bridge, kind] : from.bridges) {
        const auto stays = to.bridges.find(bridge);
        if (stays == to.bridges.end() || stays->second != kind)
            commands += going(bridge, kind, from.yields);
        else if (from.yields != to.yields)
            commands += closing(to.yields ? "delete" : "add", bridge, kind);
    }
    for (const auto& [bridge, kind] : to.bridges) {
        const auto there = from.bridges.find(bridge);
        if (there == from.bridges.end() || there->second != kind) commands += coming(bridge, kind, to.yields);
    }
    return commands;
}

void Guard::follow() {
    State held;
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return stops_ || changes_; });
        if (stops_) return;
        changes_ = false;
        const State next = wanted_;
        lock.unlock();
        const auto commands = difference(held, next);
        const auto done = commands.empty() ? Result<>() : context_->run(commands);
        if (!done)
            log::warning("the guard of networks is not as it should be", {{"error", done.error().message}});
        if (done) held = next;
        lock.lock();
    }
}

void Guard::put(const std::string& bridge, Kind kind) {
    const std::lock_guard lock(mutex_);
    wanted_.bridges.insert_or_assign(bridge, kind);
    changes_ = true;
    changed_.notify_one();
}

void Guard::take(const std::string& bridge) {
    const std::lock_guard lock(mutex_);
    changes_ = wanted_.bridges.erase(bridge) > 0 || changes_;
    changed_.notify_one();
}

void Guard::yield_to_others(bool yields) {
    const std::lock_guard lock(mutex_);
    changes_ = wanted_.yields != yields || changes_;
    wanted_.yields = yields;
    changed_.notify_one();
}

}  // namespace berth::network
