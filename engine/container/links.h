#pragma once

#include <string>
#include <vector>

#include "engine/container/core.h"

// Links of the default bridge: `--link CONTAINER:ALIAS` puts the other container's address and ports into the
// environment and its name into /etc/hosts. Networks of a user's own have names instead.
namespace berth::container {

// A link at a start: who it leads to, and where that one is.
struct LiveLink {
    Link link;
    ContainerPtr target;
    std::string address;  // "": not on the bridge
};

// Those of a container; every target has to run: "Cannot link to a non running container: /db AS /web/data".
// Io thread.
Result<std::vector<LiveLink>> live_links(const Core& core, const Container& container);
// Looks their addresses up. Blocking.
void find_addresses(const Core& core, std::vector<LiveLink>& links);

// What the network has to keep open for them.
std::vector<network::LinkedPort> linked_ports(const std::vector<LiveLink>& links);

// DATA_PORT=tcp://172.17.0.3:80 and all the others.
std::vector<std::string> link_environment(const Container& container, const std::vector<LiveLink>& links);
// Those of them in the environment of a process that was started with its container's links.
std::vector<std::string> link_variables(const Container& container, const std::vector<std::string>& env);
// "172.17.0.3\tdata 0123456789ab db" for each.
std::string link_hosts(const std::vector<LiveLink>& links);

// The container runs at an address of its own now: those that link to it learn it.
Async<void> tell_linked(Core& core, std::string id);

// "/db:/web/data", as inspect shows links.
std::vector<std::string> shown_links(const Store& store, const Container& container);

}  // namespace berth::container
