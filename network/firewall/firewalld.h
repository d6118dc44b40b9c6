#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::network {

// firewalld, where it guards this network namespace: it rejects what comes from interfaces that no zone of it
// has, so bridges go into its zone "docker", as docker's do, whose packets our own rules judge. The zone, and
// the policy that lets others reach it, are made where they are not there, and stay. Safe from any thread.
class Firewalld {
 public:
    // Null where it is not installed. `renewed` runs on a thread of its own when firewalld has started or has
    // loaded its rules anew: bridges are to be put again, and whatever it has flushed. It must not destroy
    // this, which it is given.
    using Renewed = std::function<void(Firewalld&)>;
    static std::unique_ptr<Firewalld> open(Renewed renewed);
    ~Firewalld();

    // Whether it runs, here.
    bool running() const { return running_; }
    // Nothing is done where it does not run. Where somebody has given the bridge to another zone it stays
    // there.
    Result<> put(const std::string& bridge);
    // What is not there is no error.
    Result<> take(const std::string& bridge);

 private:
    Firewalld(UniqueFd stop, Renewed renewed);
    // Looks whether it runs, and readies the zone if so.
    void look();
    void run();
    // Hears the bus until it ends, or this does (false).
    bool listen();

    UniqueFd stop_;
    const Renewed renewed_;
    std::atomic<bool> running_{false};
    std::thread thread_;
};

}  // namespace berth::network
