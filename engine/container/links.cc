#include "engine/container/links.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "engine/container/etc_files.h"
#include "engine/container/ports.h"

namespace berth::container {

namespace {

std::string upper(std::string text) {
    for (char& c : text) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        if (c == '-') c = '_';
    }
    return text;
}

// tcp first, then by protocol and number.
std::vector<ExposedPort> sorted_ports(const Container& container) {
    std::vector<ExposedPort> ports;
    for (const auto& text : container.config.exposed_ports) {
        auto parsed = parse_exposed(text);
        if (parsed) ports.insert(ports.end(), parsed->begin(), parsed->end());
    }
    auto key = [](const ExposedPort& port) {
        return std::tuple(port.protocol != "tcp", port.protocol, port.port);
    };
    std::sort(ports.begin(), ports.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
    return ports;
}

// _START and _END of a run of ports that follow each other.
void add_range(const std::string& alias, const std::string& address, const ExposedPort& first,
               const ExposedPort& last, std::vector<std::string>& env) {
    if (first.port == last.port) return;
    std::string prefix = fmt::format("{}_PORT_{}_{}", alias, first.port, upper(first.protocol));
    env.push_back(fmt::format("{}_START={}://{}:{}", prefix, first.protocol, address, first.port));
    env.push_back(fmt::format("{}_PORT_START={}", prefix, first.port));
    env.push_back(fmt::format("{}_END={}://{}:{}", prefix, last.protocol, address, last.port));
    env.push_back(fmt::format("{}_PORT_END={}", prefix, last.port));
}

void add_ports(const std::string& alias, const LiveLink& link, std::vector<std::string>& env) {
    const auto ports = sorted_ports(*link.target);
    if (ports.empty()) return;
    auto url = [&](const ExposedPort& port) {
        return fmt::format("{}://{}:{}", port.protocol, link.address, port.port);
    };
    env.push_back(alias + "_PORT=" + url(ports.front()));
    ExposedPort first = ports.front(), last = first;
    for (const auto& port : ports) {
        std::string prefix = fmt::format("{}_PORT_{}_{}", alias, port.port, upper(port.protocol));
        env.push_back(prefix + "=" + url(port));
        env.push_back(prefix + "_ADDR=" + link.address);
        env.push_back(fmt::format("{}_PORT={}", prefix, port.port));
        env.push_back(prefix + "_PROTO=" + port.protocol);
        bool follows = port.protocol == last.protocol && port.port == last.port + 1;
        if (!follows && port.port != last.port) {
            add_range(alias, link.address, first, last, env);
            first = port;
        }
        last = port;
    }
    add_range(alias, link.address, first, last, env);
}

std::string names_of(const Link& link, const Container& target) {
    std::string names = link.alias + " " + std::string(short_id(target.id));
    if (target.name != link.alias) names += " " + target.name;
    return names;
}

// The line of a link, whatever its address was, gets the new one.
Result<> move_link(const Core& core, const Container& container, const LiveLink& link) {
    constexpr std::size_t kLimit = 1 << 20;  // the container may write what it likes
    const std::string path = etc_files(core, container.id).hosts;
    BERTH_TRY(auto text, read_file(path, kLimit));
    std::string out;
    const std::string ending = "\t" + names_of(link.link, *link.target);
    for (std::size_t at = 0; at < text.size();) {
        auto end = text.find('\n', at);
        std::string line = text.substr(at, end == text.npos ? end : end - at);
        if (!line.ends_with(ending)) out += line + "\n";
        at = end == text.npos ? text.size() : end + 1;
    }
    out += link_hosts({link});
    return out == text ? Result<>() : write_file(path, out, 0644);
}

}  // namespace

Result<std::vector<LiveLink>> live_links(const Core& core, const Container& container) {
    std::vector<LiveLink> out;
    if (container.network != "bridge") return out;
    for (const auto& link : container.links) {
        auto target = core.store.get(link.id);
        if (target && target->state.live()) {
            out.push_back({link, std::move(target), {}});
            continue;
        }
        return fail(ErrorKind::kInternal, "Cannot link to a non running container: /" +
                                              (target ? target->name : link.name) + " AS /" + container.name +
                                              "/" + link.alias);
    }
    return out;
}

void find_addresses(const Core& core, std::vector<LiveLink>& links) {
    for (auto& link : links) {
        auto sandbox = core.parts.networks.find(link.target->id);
        if (!sandbox) continue;
        for (const auto& endpoint : sandbox->endpoints)
            if (endpoint.network_name == "bridge") link.address = endpoint.ip_address;
    }
}

std::vector<network::LinkedPort> linked_ports(const std::vector<LiveLink>& links) {
    std::vector<network::LinkedPort> out;
    for (const auto& link : links)
        for (const auto& port : sorted_ports(*link.target))
            if (!link.address.empty()) out.push_back({link.address, port.protocol, port.port});
    return out;
}

std::vector<std::string> link_environment(const Container& container, const std::vector<LiveLink>& links) {
    std::vector<std::string> env;
    for (const auto& link : links) {
        const std::string alias = upper(link.link.alias);
        add_ports(alias, link, env);
        env.push_back(alias + "_NAME=/" + container.name + "/" + link.link.alias);
        for (const auto& variable : link.target->config.env) {
            const auto equals = variable.find('=');
            const std::string name = variable.substr(0, equals);
            if (equals == variable.npos || name == "HOME" || name == "PATH") continue;
            env.push_back(alias + "_ENV_" + variable);
        }
    }
    return env;
}

std::vector<std::string> link_variables(const Container& container, const std::vector<std::string>& env) {
    std::vector<std::string> out;
    for (const auto& link : container.links) {
        const std::string prefix = upper(link.alias) + "_";
        std::copy_if(env.begin(), env.end(), std::back_inserter(out),
                     [&](const std::string& variable) { return variable.starts_with(prefix); });
    }
    return out;
}

std::string link_hosts(const std::vector<LiveLink>& links) {
    std::string text;
    for (const auto& link : links)
        if (!link.address.empty()) text += link.address + "\t" + names_of(link.link, *link.target) + "\n";
    return text;
}

Async<void> tell_linked(Core& core, std::string id) {
    for (const auto& container : core.store.list()) {
        if (!container->state.live() || container->network != "bridge") continue;
        for (const auto& link : container->links) {
            auto target = core.store.get(id);
            if (link.id != id || !target) continue;
            std::vector<LiveLink> all;
            for (const auto& other : container->links)
                if (auto linked = core.store.get(other.id); linked && linked->state.live())
                    all.push_back({other, std::move(linked), {}});
            auto work = [&core, container, link, target, all]() mutable -> Result<> {
                std::vector<LiveLink> one{{link, target, {}}};
                find_addresses(core, one);
                find_addresses(core, all);
                BERTH_CHECK(core.parts.networks.relink(container->id, linked_ports(all)));
                return move_link(core, *container, one.front());
            };
            auto moved = co_await core.parts.pool.run(std::move(work));
            if (!moved)
                log::warning("a link is out of date",
                             {{"container", container->id}, {"error", moved.error().message}});
        }
    }
}

std::vector<std::string> shown_links(const Store& store, const Container& container) {
    std::vector<std::string> out;
    for (const auto& link : container.links) {
        auto target = store.get(link.id);
        out.push_back("/" + (target ? target->name : link.name) + ":/" + container.name + "/" + link.alias);
    }
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace berth::container
