#include "engine/image/parallel.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

namespace berth::image {

Result<> run_parallel(std::size_t count, const std::function<Result<>(std::size_t)>& work) {
    std::mutex mutex;
    std::size_t next = 0;
    Result<> first;
    auto take_turns = [&] {
        while (true) {
            std::size_t mine = 0;
            {
                std::lock_guard guard(mutex);
                if (!first || next == count) return;
                mine = next++;
            }
            auto done = work(mine);
            std::lock_guard guard(mutex);
            if (!done && first) first = std::move(done);
        }
    };
    const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < std::min(count, processors); ++i) helpers.emplace_back(take_turns);
    take_turns();
    helpers.clear();
    return first;
}

}  // namespace berth::image
