#include "engine/container/prune.h"

#include "engine/base/moment.h"
#include "engine/container/label_filter.h"
#include "engine/container/removal.h"

namespace berth::container {

namespace {

Result<Timestamp> until_filter(const Filters& filters) {
    auto found = filters.find("until");
    if (found == filters.end()) return Timestamp::max();
    if (found->second.size() != 1)
        return fail(ErrorKind::kInvalidArgument, "more than one until filter specified");
    return parse_moment(*found->second.begin());
}

}  // namespace

Async<Result<Pruned>> run_prune(Core& core, Filters filters) {
    BERTH_CO_TRY(auto until, until_filter(filters));
    Pruned pruned;
    for (const auto& candidate : core.store.list()) {
        std::string id = candidate->id;
        BERTH_CO_TRY(auto guard, co_await core.locks.lock(id));
        auto container = core.store.get(id);
        bool stopped = container && (container->state.status == Status::kCreated ||
                                     container->state.status == Status::kExited);
        if (!stopped || container->created_at > until || !labels_match(container->config.labels, filters))
            continue;
        auto measure = [&core, id] { return core.parts.snapshots.usage(id); };
        auto bytes = co_await core.parts.pool.run(std::move(measure));
        auto removed = co_await remove_stopped(core, id, false);
        if (!removed) continue;
        pruned.ids.push_back(id);
        pruned.bytes += bytes.value_or(0);
    }
    events::Event event;
    event.type = "container";
    event.action = "prune";
    event.attributes["reclaimed"] = std::to_string(pruned.bytes);
    core.parts.events.publish(std::move(event));
    co_return pruned;
}

}  // namespace berth::container
