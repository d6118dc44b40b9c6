#include "network/routes.h"

#include "network/record.h"
#include "network/sandbox/link.h"

namespace berth::network {
namespace {

bool leads_outside(const Endpoint& endpoint, bool v6) {
    if (!(v6 ? endpoint.ipv6_gateway : endpoint.gateway).empty()) return true;
    return endpoint.gatewayless && !(v6 ? endpoint.ipv6_address : endpoint.ip_address).empty();
}

// The endpoint with the default route of one family: the sandbox's gateway if it has that family, else the
// next best.
const Endpoint* gateway_for(const Sandbox& sandbox, bool v6) {
    Sandbox able;
    for (const auto& endpoint : sandbox.endpoints)
        if (leads_outside(endpoint, v6)) able.endpoints.push_back(endpoint);
    const auto* best = gateway_of(able);
    for (const auto& endpoint : sandbox.endpoints)
        if (best && endpoint.endpoint_id == best->endpoint_id) return &endpoint;
    return nullptr;
}

}  // namespace

Result<> set_routes(sys::NetlinkSocket& inside, const Sandbox& sandbox) {
    for (const bool v6 : {false, true}) {
        const auto* endpoint = gateway_for(sandbox, v6);
        if (!endpoint) {
            BERTH_CHECK(remove_default_route(inside, v6));
            continue;
        }
        BERTH_TRY(const auto link, find_link(inside, endpoint->interface));
        const auto gateway = Ip::parse(v6 ? endpoint->ipv6_gateway : endpoint->gateway);
        if (!link) return fail(ErrorKind::kInternal, endpoint->interface + " has vanished");
        BERTH_CHECK(set_default_route(inside, link->index, gateway.value_or(Ip{v6, 0})));
    }
    return {};
}

}  // namespace berth::network
