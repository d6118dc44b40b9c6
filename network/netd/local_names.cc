#include "network/netd/local_names.h"

#include <algorithm>

#include "network/ipam/ip.h"

namespace berth::netd {
namespace {

using network::Ip;
using network::NamedEndpoint;
using network::NetworkNames;
namespace dns = network::dns;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

// "web", or "web.NETWORK" when that is the network's name.
bool goes_by(const NamedEndpoint& endpoint, std::string_view name, const std::string& network) {
    std::string_view short_name = name;
    if (!network.empty() && name.size() > network.size() + 1 &&
        same(name.substr(name.size() - network.size()), network) &&
        name[name.size() - network.size() - 1] == '.')
        short_name.remove_suffix(network.size() + 1);
    return std::any_of(endpoint.names.begin(), endpoint.names.end(),
                       [&](const std::string& own) { return same(own, name) || same(own, short_name); });
}

// What the sandbox calls somebody, by the name that everybody knows.
std::string common_name(const network::SandboxNames& sandbox, const std::string& name) {
    for (const auto& [alias, target] : sandbox.links)
        if (same(alias, name)) return target;
    return name;
}

void collect(const NetworkNames& names, const std::string& name, const dns::Question& question, bool& known,
             std::vector<dns::Record>& records) {
    for (const auto& endpoint : names.endpoints) {
        if (!goes_by(endpoint, name, names.network)) continue;
        known = true;
        if (question.type != dns::kA && question.type != dns::kAaaa) continue;
        const auto address = Ip::parse(question.type == dns::kA ? endpoint.ipv4 : endpoint.ipv6);
        if (address) records.push_back({question.type, address->bytes()});
    }
}

// "web.NETWORK" for an address, "" if nobody has it.
std::string name_of(const NetworkNames& names, const std::string& address) {
    for (const auto& endpoint : names.endpoints)
        for (const auto& text : {endpoint.ipv4, endpoint.ipv6})
            if (const auto ip = Ip::parse(text); ip && ip->bytes() == address)
                return endpoint.names.front() + (names.network.empty() ? "" : "." + names.network);
    return {};
}

}  // namespace

std::optional<std::string> answer_locally(NamesFolder& folder, const network::SandboxNames& sandbox,
                                          std::string_view query, const dns::Question& question,
                                          std::size_t limit) {
    static unsigned turn = 0;
    std::vector<dns::Record> records;
    bool known = false;
    const auto name = common_name(sandbox, question.name);
    const auto reverse = question.type == dns::kPtr ? dns::reverse_address(question.name) : std::nullopt;
    for (const auto& id : sandbox.networks) {
        const auto* names = folder.network(id);
        if (!names) continue;
        if (!reverse) {
            collect(*names, name, question, known, records);
        } else if (auto encoded = dns::encode_name(name_of(*names, *reverse));
                   encoded && encoded->size() > 1) {
            records.push_back({dns::kPtr, *encoded});
            known = true;
        }
        if (known) break;
    }
    if (!known) return std::nullopt;
    if (records.size() > 1)
        std::rotate(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(++turn % records.size()),
                    records.end());
    return dns::make_answer(query, question, dns::kNoError, records, limit);
}

}  // namespace berth::netd
