#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/state/sqlite.h"

namespace berth::state {

// The one thread that writes. Whoever arrives while a group is being committed forms the next group:
//
//   BEGIN IMMEDIATE
//     SAVEPOINT berth; work of the first;  RELEASE berth      an error of the work: ROLLBACK TO berth,
//     RELEASE berth SAVEPOINT berth; work of the second; RELEASE berth
//   COMMIT                                                    an error here is every member's error
class Writer {
 public:
    explicit Writer(std::unique_ptr<SqliteConnection> connection);
    // Commits what waits, then ends the thread.
    ~Writer();

    Result<> write(Durability durability, const std::function<Result<>(Connection&)>& work);

 private:
    struct Request {
        Durability durability;
        const std::function<Result<>(Connection&)>& work;
        Result<> result{};
        std::exception_ptr thrown{};
        bool done = false;
    };
    using Group = std::vector<Request*>;

    void run();
    Result<> commit(const Group& group);
    Result<> set_durability(const Group& group);
    Result<> run_one(Request& request);

    std::unique_ptr<SqliteConnection> connection_;
    Durability durability_ = Durability::kFull;
    std::mutex mutex_;
    std::condition_variable arrived_, finished_;
    Group waiting_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace berth::state
