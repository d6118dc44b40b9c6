#pragma once

#include <map>
#include <memory>

#include "engine/async/event.h"
#include "engine/async/gate.h"
#include "engine/supervisor/bundle_store.h"
#include "engine/supervisor/shim_client.h"
#include "engine/supervisor/task_service.h"

namespace berth::supervisor {

class ShimTasks final : public TaskService {
 public:
    ShimTasks(IoContext& io, SupervisorConfig config);
    ~ShimTasks() override;

    void expect(const std::string& id, bool own_runtime) override;
    Async<Result<pid_t>> create(TaskSpec spec) override;
    Async<Result<Timestamp>> start(std::string id) override;
    Async<Result<>> kill(std::string id, int signal) override;
    Async<Result<TaskExit>> wait(std::string id) override;
    Async<Result<std::unique_ptr<async::Stream>>> attach(std::string id, AttachOptions options) override;
    Async<Result<AfterLog>> attach_after_log(std::string id, AttachOptions options) override;
    Async<Result<>> pause(std::string id) override;
    Async<Result<>> resume(std::string id) override;
    Async<Result<>> resize(std::string id, std::uint16_t rows, std::uint16_t columns) override;
    Async<Result<ExecStarted>> exec(std::string id, ExecSpec spec) override;
    Async<Result<ExecExit>> wait_exec(std::string id, std::string exec_id) override;
    Async<Result<>> resize_exec(std::string id, std::string exec_id, std::uint16_t rows,
                                std::uint16_t columns) override;
    Async<Result<>> kill_exec(std::string id, std::string exec_id, int signal) override;
    void on_health(HealthListener listener) override { health_listener_ = std::move(listener); }
    Async<Result<>> remove(std::string id) override;
    Result<std::string> config_json(const std::string& id) const override;
    std::optional<Task> find(const std::string& id) const override;
    Async<Result<std::vector<Task>>> recover() override;

 private:
    struct ExecEntry {
        explicit ExecEntry(IoContext& io) : exited(io) {}
        pid_t pid = 0;  // 0: not said yet
        ExecExit exit;
        async::Event exited;
    };
    // Shared between the map and the coroutines that wait for it.
    struct Entry {
        Entry(IoContext& io, std::string id) : exited(io), shim_gone(io) { task.id = std::move(id); }
        Task task;
        std::unique_ptr<ShimClient> client;  // none for a task found by its exit record alone
        async::Event exited, shim_gone;
        std::map<std::string, std::shared_ptr<ExecEntry>> execs;
        bool removing = false;  // the shim is told to end: its end is no accident
        bool stuck = false;     // it takes connections and does not answer
        // Connections that were lost: coroutines may still be on their way out of them.
        std::vector<std::unique_ptr<ShimClient>> lost;
    };
    using EntryPtr = std::shared_ptr<Entry>;
    // The control connection of the shim that was expected, or of one that starts now.
    Result<UniqueFd> take_shim(const TaskSpec& spec);
    // Hands the mounts over and has the container made.
    Async<Result<std::string>> ask_create(Entry& entry, std::vector<UniqueFd> mounts, UniqueFd root);

    Async<Result<AfterLog>> attach_streams(std::string id, std::uint8_t streams);
    std::unique_ptr<ShimClient> make_client(const EntryPtr& entry, UniqueFd socket);
    void connect(EntryPtr entry, UniqueFd socket);
    // The life of a shim as seen from here: its connections, and what is to do after the last.
    Async<void> serve(EntryPtr entry);
    // A connection that ended while the shim lives: a new one, on which it says how things are. False when
    // nobody answers.
    bool reconnect(const EntryPtr& entry);
    Async<void> catch_up(EntryPtr entry);
    // An exec has ended, and its shim need not keep it in mind.
    static void set_exec_exit(Entry& entry, const shim::ExecExit& exit);
    static void end_execs(Entry& entry, const std::vector<std::string>& ids,
                          const std::vector<std::string>& alive);
    // Asks the shim. Between a connection that was lost and the next one it waits.
    Async<Result<std::string>> ask(EntryPtr entry, shim::MessageType type, std::string payload, UniqueFd fd);
    void take_status(const EntryPtr& entry, shim::Status status);
    // The shim is dead: its exit record counts, else the container is killed; nothing of it is left either
    // way.
    Async<void> end_without_shim(EntryPtr entry);
    Async<Result<>> reap(std::string id);
    void set_health(Entry& entry, shim::Health health);
    void set_exit(const EntryPtr& entry, shim::ExitRecord record);
    Result<EntryPtr> get(const std::string& id) const;
    Async<Result<>> recover_one(std::string id);

    IoContext& io_;
    BundleStore bundles_;
    HealthListener health_listener_;
    std::map<std::string, UniqueFd> expected_;
    std::map<std::string, EntryPtr> tasks_;
    std::unique_ptr<async::Gate> gate_;
};

}  // namespace berth::supervisor
