#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What berth-netd reads, in STATE/names: one file a network, one a sandbox, each replaced as a whole by the
// daemon. Lines of words with a blank between; unknown lines are for later versions.
//
//   net-ID                                   box-CONTAINER
//   names 1                                  sandbox 1
//   network NAME                             network ID
//   endpoint IPV4|- IPV6|- NAME...           link ALIAS NAME
//                                            server ADDRESS
//                                            ask container|host|nobody
//                                            undotted ask|refuse
namespace berth::network {

struct NamedEndpoint {
    std::string ipv4, ipv6;          // as text, or ""
    std::vector<std::string> names;  // the first is what an address is called
};

struct NetworkNames {
    std::string network;
    std::vector<NamedEndpoint> endpoints;
};

struct SandboxNames {
    std::vector<std::string> networks;  // IDs, in the order in which they are asked
    std::vector<std::pair<std::string, std::string>>
        links;                         // a name of this sandbox's own, what it stands for
    std::vector<std::string> servers;  // who is asked for other names
    // From whose namespace servers are asked; of internal networks alone nobody asks.
    enum class Ask { kContainer, kHost, kNobody } ask = Ask::kNobody;
    bool ask_undotted = true;  // addresses of names without a dot
};

std::string render(const NetworkNames& names);
std::string render(const SandboxNames& names);
// Nothing for a file of another kind.
std::optional<NetworkNames> parse_network_names(std::string_view text);
std::optional<SandboxNames> parse_sandbox_names(std::string_view text);

std::string network_file(const std::string& network_id);
std::string sandbox_file(const std::string& container_id);

}  // namespace berth::network
