#pragma once

#include <functional>
#include <string>

#include "engine/api/system_routes.h"
#include "engine/daemon/config.h"
#include "engine/daemon/host_facts.h"

namespace berth::daemon {

// What other parts know. Called on the io thread; a count that is not set is nothing.
struct Counters {
    std::function<Async<Result<types::ContainerCounts>>()> containers;
    std::function<Async<Result<int>>()> images;
    std::function<int()> event_listeners;
    std::function<std::string()> firewall;  // its name; not set: as the config has it
};

// `config` may change between two calls (a reload).
class System final : public api::SystemService {
 public:
    System(const Config& config, std::string engine_id, Counters counters);
    const std::string& host_name() const { return host_.hostname; }
    types::SystemVersion version() override;
    Async<Result<types::SystemInfo>> info() override;

 private:
    const Config& config_;
    std::string engine_id_;
    Counters counters_;
    HostFacts host_;
};

}  // namespace berth::daemon
