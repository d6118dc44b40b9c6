#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/container/container_services.h"

namespace berth::container {

// Who waits for which exit. Io thread only.
class WaitList {
 public:
    explicit WaitList(IoContext& io) : io_(io) {}

    // A place for what has not happened yet.
    std::unique_ptr<Waiting> subscribe(const std::string& id, WaitCondition condition);
    // One that is answered already.
    std::unique_ptr<Waiting> answered(WaitResult result);

    void exited(const std::string& id, const WaitResult& result);
    // As with Docker the error of a start that failed is not that of its end.
    void removed(const std::string& id, int exit_code);

 private:
    struct Place;
    class Ticket;
    IoContext& io_;
    std::map<std::string, std::vector<std::weak_ptr<Place>>> places_;
};

}  // namespace berth::container
