// Both families' firewalls.
#include <algorithm>
#include <future>

#include "network/service.h"

namespace berth::network {
namespace {

bool is_v6(const BridgeRules& bridge) {
    return bridge.subnet.base.v6;
}

bool is_v6(const PublishedContainer& container) {
    return container.address.v6;
}

}  // namespace

template <class Subject>
Result<> Service::on_walls(const std::vector<Subject>& subjects,
                           Result<> (Firewall::*change)(const Subject&)) const {
    const auto of_family = [&](bool v6) {
        Result<> first;
        for (const auto& subject : subjects)
            if (auto* wall = firewall(v6); wall && is_v6(subject) == v6)
                if (auto done = (wall->*change)(subject); !done && first) first = std::move(done);
        return first;
    };
    const bool both =
        std::any_of(subjects.begin(), subjects.end(), [](const auto& one) { return is_v6(one); }) &&
        std::any_of(subjects.begin(), subjects.end(), [](const auto& one) { return !is_v6(one); });
    if (!both) return subjects.empty() ? Result<>() : of_family(is_v6(subjects.front()));
    auto other = std::async(std::launch::async, of_family, true);
    auto first = of_family(false);
    auto second = other.get();
    return first ? second : first;
}

template Result<> Service::on_walls(const std::vector<BridgeRules>&,
                                    Result<> (Firewall::*)(const BridgeRules&)) const;
template Result<> Service::on_walls(const std::vector<PublishedContainer>&,
                                    Result<> (Firewall::*)(const PublishedContainer&)) const;

}  // namespace berth::network
