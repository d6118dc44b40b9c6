#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/async/blocking_pool.h"
#include "engine/events/event.h"

namespace berth::events {

// Events on disk, so that who asks for the past gets it from before the daemon's last start too. Two files of
// at most 1 MiB, PATH and PATH.1 (the older one); one event a line:
//   {"time":NANOSECONDS,"type":"container","action":"start","id":"…","scope":"local","attributes":{…}}
// Not synced: a power cut takes the last ones along.
class Journal {
 public:
    static constexpr std::uint64_t kFileSize = 1 << 20;

    // Blocking. `pool` outlives the journal.
    static Result<std::unique_ptr<Journal>> open(const std::string& path, async::BlockingPool& pool);
    // Writes what is not written yet.
    ~Journal();

    // The last `count` events, oldest first; damaged lines are passed over. Blocking.
    Result<std::vector<Event>> read(std::size_t count) const;
    // Written by the pool, in order. From any thread.
    void record(const Event& event);

 private:
    struct State;
    Journal(std::shared_ptr<State> state, async::BlockingPool& pool)
        : state_(std::move(state)), pool_(pool) {}
    std::shared_ptr<State> state_;
    async::BlockingPool& pool_;
};

}  // namespace berth::events
