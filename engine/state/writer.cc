#include "engine/state/writer.h"

#include <algorithm>

namespace berth::state {

Writer::Writer(std::unique_ptr<SqliteConnection> connection)
    : connection_(std::move(connection)), thread_([this] { run(); }) {}

Writer::~Writer() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    arrived_.notify_one();
    thread_.join();
}

Result<> Writer::write(Durability durability, const std::function<Result<>(Connection&)>& work) {
    if (std::this_thread::get_id() == thread_.get_id()) {
        return fail(ErrorKind::kInternal, "database: write() inside a write");
    }
    Request request{durability, work};
    {
        std::unique_lock lock(mutex_);
        waiting_.push_back(&request);
        arrived_.notify_one();
        finished_.wait(lock, [&] { return request.done; });
    }
    if (request.thrown) std::rethrow_exception(request.thrown);
    return std::move(request.result);
}

void Writer::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        arrived_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        Group group = std::exchange(waiting_, {});
        lock.unlock();
        auto committed = commit(group);
        lock.lock();
        for (Request* request : group) {
            // A member that failed by itself keeps its own error.
            if (!committed && request->result) request->result = Failure(committed.error());
            request->done = true;
        }
        finished_.notify_all();
    }
}

Result<> Writer::commit(const Group& group) {
    BERTH_CHECK(set_durability(group));
    BERTH_CHECK(connection_->execute("BEGIN IMMEDIATE"));
    for (Request* request : group) {
        auto ran = run_one(*request);
        // Some errors (disk full, I/O) make SQLite give up the whole transaction, and all its members with
        // it.
        if (!connection_->in_transaction()) {
            return ran ? fail(ErrorKind::kInternal, "database: transaction lost") : std::move(ran);
        }
        if (!ran) request->result = std::move(ran);
    }
    auto committed = connection_->execute("COMMIT");
    if (!committed && connection_->in_transaction()) (void)connection_->execute("ROLLBACK").has_value();
    return committed;
}

Result<> Writer::set_durability(const Group& group) {
    bool full = std::any_of(group.begin(), group.end(),
                            [](const Request* request) { return request->durability == Durability::kFull; });
    Durability wanted = full ? Durability::kFull : Durability::kNormal;
    if (wanted == durability_) return {};
    BERTH_CHECK(connection_->execute(full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
    durability_ = wanted;
    return {};
}

Result<> Writer::run_one(Request& request) {
    BERTH_CHECK(connection_->execute("SAVEPOINT berth"));
    Result<> result;
    try {
        result = request.work(*connection_);
    } catch (...) {
        request.thrown = std::current_exception();
        result = fail(ErrorKind::kInternal, "database: the work threw");
    }
    if (!connection_->in_transaction()) return result;
    if (!result) BERTH_CHECK(connection_->execute("ROLLBACK TO berth"));
    BERTH_CHECK(connection_->execute("RELEASE berth"));
    return result;
}

}  // namespace berth::state
