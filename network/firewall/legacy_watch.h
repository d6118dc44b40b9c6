#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::network {

// Tells when the tables of iptables' older variant have another size than before, in this network namespace:
// of those the kernel tells nobody anything, so it is asked once a second, by two system calls a table.
class LegacyWatch {
 public:
    // `changed` runs on a thread of its own; what it changes itself is no change. It must not destroy the
    // watch.
    static Result<std::unique_ptr<LegacyWatch>> start(std::function<void()> changed);
    ~LegacyWatch();

    // Whether this tool (iptables-restore) writes those tables.
    static bool writes_legacy_tables(const std::string& tool);

 private:
    LegacyWatch(UniqueFd v4, UniqueFd v6, UniqueFd stop, std::function<void()> changed);
    void run();
    // Entries and bytes of each table.
    std::vector<std::uint32_t> sizes() const;

    UniqueFd v4_, v6_, stop_;  // v6_: none on a host without IPv6
    std::function<void()> changed_;
    std::thread thread_;
};

}  // namespace berth::network
