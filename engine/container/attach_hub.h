#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/async/event.h"
#include "engine/supervisor/task_service.h"

namespace berth::container {

// Clients that attached before their container runs. A start connects each of them to a stream of its own
// between the task's create and its start, so that the first byte is not missed. Io thread only.
class AttachHub {
 public:
    AttachHub(IoContext& io, supervisor::TaskService& tasks) : io_(io), tasks_(tasks) {}

    // One client's place; dropping it leaves the queue.
    struct Place {
        Place(IoContext& io, supervisor::AttachOptions options) : options(options), ready(io) {}
        supervisor::AttachOptions options;
        std::unique_ptr<async::Stream> stream;  // null when ready: the container will not run for this client
        async::Event ready;
    };
    std::shared_ptr<Place> subscribe(const std::string& id, supervisor::AttachOptions options);

    Async<Result<>> connect(std::string id);
    // The start failed, or the container is gone.
    void abandon(const std::string& id);

 private:
    std::vector<std::shared_ptr<Place>> take(const std::string& id);

    IoContext& io_;
    supervisor::TaskService& tasks_;
    std::map<std::string, std::vector<std::weak_ptr<Place>>> places_;
};

}  // namespace berth::container
