#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::network {

// Tells when a berth-netd has gone: the kernel hangs up its connection to the daemon, whoever started it.
class NetdWatch {
 public:
    // `lost` runs on a thread of its own, at most once a second. It must not destroy the watch.
    static Result<std::unique_ptr<NetdWatch>> start(std::function<void()> lost);
    ~NetdWatch();
    // A second descriptor of a connection.
    void add(UniqueFd connection);

 private:
    NetdWatch(UniqueFd wake, std::function<void()> lost);
    void run();
    // Drops the connections that have ended; whether there were any.
    bool drop_ended();
    bool stopping() const;

    UniqueFd wake_;
    std::function<void()> lost_;
    mutable std::mutex mutex_;
    std::vector<UniqueFd> connections_;
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace berth::network
