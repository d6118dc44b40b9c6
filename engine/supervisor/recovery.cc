#include "engine/async/race.h"
#include "engine/base/log.h"
#include "engine/shim/protocol/bundle.h"
#include "engine/shim/protocol/socket.h"
#include "engine/supervisor/shim_tasks.h"

namespace berth::supervisor {

namespace {

constexpr auto kGreetLimit = std::chrono::seconds(5);

}  // namespace

Async<Result<>> ShimTasks::recover_one(std::string id) {
    auto entry = std::make_shared<Entry>(io_, id);
    std::string bundle = bundles_.path(id);
    auto socket = shim::connect_in(bundle, shim::kSocketFile);
    if (socket) BERTH_CO_CHECK(shim::check_peer(socket->get()));
    tasks_[id] = entry;
    if (socket) {
        connect(entry, std::move(*socket));
        auto greeting = entry->client->greet();
        auto status = co_await async::with_deadline(kGreetLimit, "greet shim", std::move(greeting));
        if (status) {
            take_status(entry, std::move(*status));
            co_return Result<>();
        }
        // It ended between connect and answer, or is stuck; in both cases serve() finds out what became of
        // it.
        entry->stuck = true;
        entry->client->close();
        co_return co_await entry->exited.wait();
    }
    co_await end_without_shim(entry);
    co_return Result<>();
}

Async<Result<std::vector<Task>>> ShimTasks::recover() {
    BERTH_CO_TRY(auto ids, bundles_.list());
    std::vector<Task> found;
    for (const std::string& id : ids) {
        if (tasks_.contains(id)) continue;
        auto recovered = co_await recover_one(id);
        if (!recovered) log::error("recover task: " + recovered.error().message, {{"container", id}});
        if (auto task = find(id)) found.push_back(std::move(*task));
    }
    co_return found;
}

}  // namespace berth::supervisor
