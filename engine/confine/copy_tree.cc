#include "engine/confine/copy_tree.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <stop_token>
#include <thread>

#include "engine/confine/helper_process.h"

namespace berth::confine {

namespace {

constexpr std::chrono::milliseconds kFlushEvery{100};

// The helper ends when all of it is on disk: most is to be there by then.
void flush_now_and_then(std::stop_token stop, int target_fd) {
    std::mutex mutex;
    std::condition_variable_any pause;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        pause.wait_for(lock, stop, kFlushEvery, [] { return false; });
        if (!stop.stop_requested()) ::syncfs(target_fd);
    }
}

}  // namespace

Result<CopyReport> copy_tree(HelperOptions options, int source_fd, int target_fd) {
    BERTH_TRY(HelperProcess helper, HelperProcess::start(options, {"copy"}, -1, target_fd, {source_fd}));
    const std::jthread flusher(flush_now_and_then, target_fd);
    BERTH_TRY(std::vector<Fields> records, helper.finish());
    const Fields& done = records.back();
    return CopyReport{std::strtoull(done[2].c_str(), nullptr, 10),
                      std::strtoull(done[3].c_str(), nullptr, 10)};
}

}  // namespace berth::confine
