#pragma once

#include <deque>
#include <map>
#include <set>

#include "engine/async/event.h"
#include "engine/events/event.h"
#include "engine/image/image_service.h"
#include "engine/snapshot/snapshotter.h"
#include "engine/supervisor/task_service.h"
#include "network/network_service.h"
#include "volumes/volume_service.h"

// The services below engine/container, small and honest: they keep what they are told and say it again.
namespace berth::fakes {

// A stream whose other end is the test.
class PipeStream final : public async::Stream {
 public:
    explicit PipeStream(IoContext& io) : changed_(io) {}
    Async<Result<std::size_t>> read_some(std::span<char> buffer) override {
        while (incoming_.empty() && !ended_) {
            BERTH_CO_CHECK(co_await changed_.wait());
        }
        std::size_t size = std::min(buffer.size(), incoming_.size());
        incoming_.copy(buffer.data(), size);
        incoming_.erase(0, size);
        co_return size;
    }
    Async<Result<>> write_all(std::string_view bytes) override {
        written += bytes;
        co_return Result<>();
    }
    void shutdown_write() override { write_ended = true; }
    void close() override { end(); }
    void feed(std::string_view bytes) {
        incoming_ += bytes;
        changed_.notify_all();
    }
    void end() {
        ended_ = true;
        changed_.notify_all();
    }

    std::string written;
    bool write_ended = false;

 private:
    async::Condition changed_;
    std::string incoming_;
    bool ended_ = false;
};

class Tasks final : public supervisor::TaskService {
 public:
    explicit Tasks(IoContext& io) : io_(io) {}

    void expect(const std::string&, bool) override {}
    Async<Result<pid_t>> create(supervisor::TaskSpec spec) override {
        if (!create_error.empty()) co_return fail(ErrorKind::kInternal, create_error);
        auto& run = runs_[spec.id];
        run = std::make_shared<Run>(io_);
        run->task.id = spec.id;
        run->task.pid = ++last_pid_;
        co_return run->task.pid;
    }
    Async<Result<Timestamp>> start(std::string id) override {
        auto& run = *runs_.at(id);
        run.task.status = supervisor::Task::Status::kRunning;
        run.task.started_at = now();
        ++starts;
        co_return run.task.started_at;
    }
    Async<Result<>> kill(std::string id, int signal) override {
        signals.push_back(signal);
        if (!runs_.contains(id)) co_return fail(ErrorKind::kConflict, "gone");
        if (signal == 9 || !ignores_term) exit(id, 128 + signal);
        co_return Result<>();
    }
    Async<Result<supervisor::TaskExit>> wait(std::string id) override {
        auto run = runs_.at(id);
        BERTH_CO_CHECK(co_await run->ended.wait());
        co_return *run->task.exit;
    }
    Async<Result<std::unique_ptr<async::Stream>>> attach(std::string id, supervisor::AttachOptions) override {
        auto stream = std::make_unique<PipeStream>(io_);
        stream->feed("hello\n");
        runs_.at(id)->streams.push_back(stream.get());
        co_return std::unique_ptr<async::Stream>(std::move(stream));
    }
    Async<Result<AfterLog>> attach_after_log(std::string id, supervisor::AttachOptions options) override {
        AfterLog attached;
        BERTH_CO_TRY(attached.stream, co_await attach(id, options));
        attached.log_end = now();
        co_return attached;
    }
    Async<Result<>> pause(std::string) override { co_return Result<>(); }
    Async<Result<>> resume(std::string) override { co_return Result<>(); }
    Async<Result<>> resize(std::string, std::uint16_t, std::uint16_t) override { co_return Result<>(); }
    Async<Result<supervisor::ExecStarted>> exec(std::string, supervisor::ExecSpec) override {
        co_return fail(ErrorKind::kNotImplemented, "no execs here");
    }
    Async<Result<supervisor::ExecExit>> wait_exec(std::string, std::string) override {
        co_return fail(ErrorKind::kNotFound, "no execs here");
    }
    Async<Result<>> resize_exec(std::string, std::string, std::uint16_t, std::uint16_t) override {
        co_return fail(ErrorKind::kNotFound, "no execs here");
    }
    Async<Result<>> kill_exec(std::string, std::string, int) override {
        co_return fail(ErrorKind::kNotFound, "no execs here");
    }
    void on_health(HealthListener) override {}
    Result<std::string> config_json(const std::string&) const override { return std::string("{}"); }
    Async<Result<>> remove(std::string id) override {
        runs_.erase(id);
        co_return Result<>();
    }
    std::optional<supervisor::Task> find(const std::string& id) const override {
        auto run = runs_.find(id);
        if (run == runs_.end()) return std::nullopt;
        return run->second->task;
    }
    Async<Result<std::vector<supervisor::Task>>> recover() override {
        std::vector<supervisor::Task> all;
        for (const auto& [id, run] : runs_) all.push_back(run->task);
        co_return all;
    }

    // The process ends by itself.
    void exit(const std::string& id, int code) {
        auto run = runs_.at(id);
        if (run->task.exit) return;
        run->task.status = supervisor::Task::Status::kExited;
        run->task.exit = supervisor::TaskExit{code, false, now(), ""};
        for (auto* stream : run->streams) stream->end();
        run->ended.set();
    }
    std::size_t count() const { return runs_.size(); }

    std::string create_error;
    bool ignores_term = false;
    std::vector<int> signals;
    int starts = 0;

 private:
    struct Run {
        explicit Run(IoContext& io) : ended(io) {}
        supervisor::Task task;
        async::Event ended;
        std::vector<PipeStream*> streams;
    };
    IoContext& io_;
    std::map<std::string, std::shared_ptr<Run>> runs_;
    pid_t last_pid_ = 1000;
};

class Images final : public image::ImageService {
 public:
    Result<image::ResolvedImage> resolve(const std::string& name,
                                         const std::optional<oci::Platform>&) override {
        if (name != "busybox") return fail(ErrorKind::kNotFound, "No such image: " + name + ":latest");
        Digest id = Digest::from_hex(std::string(64, 'a'));
        return image::ResolvedImage{id, id, id, "top", run, {}, "{}"};
    }
    Result<bool> load(confine::TarInput, const std::vector<oci::Platform>&, image::Progress) override {
        return false;
    }
    Result<Digest> import(image::Reader, const std::string&, const std::string&,
                          const std::vector<std::string>&, const std::optional<oci::Platform>&) override {
        return Failure(unused().error());
    }
    Result<std::unique_ptr<Archive>> save(const std::vector<std::string>&,
                                          const std::vector<oci::Platform>&) override {
        return Failure(unused().error());
    }
    Result<Digest> commit(image::CommitRequest) override { return Failure(unused().error()); }
    Result<std::unique_ptr<Arrival>> expect(const oci::Manifest&, image::Progress) override {
        return Failure(unused().error());
    }
    Result<> adopt(const std::string&, const Digest&, const std::optional<oci::Platform>&,
                   image::Progress) override {
        return unused();
    }
    Result<> tag(const std::string&, const std::string&, const std::string&) override { return unused(); }
    Result<std::vector<image::RemovedImage>> remove(const std::string&, bool, bool,
                                                    const std::vector<User>&) override {
        return Failure(unused().error());
    }
    Result<std::vector<image::RemovedImage>> remove_platforms(const std::string&,
                                                              const std::vector<oci::Platform>&) override {
        return Failure(unused().error());
    }
    Result<image::PruneReport> prune(image::PruneRequest, const std::vector<User>&) override {
        return Failure(unused().error());
    }
    Result<image::ImageList> list(bool) override {
        return std::make_shared<const std::vector<image::ImageSummary>>();
    }
    Result<std::vector<image::NamedImage>> names() override { return std::vector<image::NamedImage>(); }
    Result<image::ImageDetails> inspect(const std::string&, const std::optional<oci::Platform>&) override {
        return Failure(unused().error());
    }
    Result<std::uint64_t> disk_usage() override { return std::uint64_t{0}; }
    std::shared_ptr<void> pin() override { return nullptr; }
    Result<> collect_garbage() override { return {}; }

    image::RunConfig run;

 private:
    static Result<> unused() { return fail(ErrorKind::kInternal, "not part of this fake"); }
};

// Every root is a bind of one folder.
class Snapshots final : public snapshot::Snapshotter {
 public:
    explicit Snapshots(std::string folder) : folder_(std::move(folder)) {}
    Result<sys::Mount> prepare(const std::string& key, const std::string&) override {
        keys.insert(key);
        return mounts(key, "");
    }
    Result<snapshot::Staged> stage(const std::string& key, const std::string& parent) override {
        return snapshot::Staged{1, key, parent};
    }
    Result<> enter(state::Connection&, const snapshot::Staged& staged) override {
        keys.insert(staged.key);
        return {};
    }
    Result<> leave(const snapshot::Staged&) override { return {}; }
    Result<sys::Mount> mounts(const std::string&, const std::string&) override {
        return sys::Mount{"bind", folder_, "", {"rbind"}};
    }
    Result<sys::Mount> view(const std::string& key) override { return mounts(key, ""); }
    Result<> commit(const std::string&, const std::string&) override { return {}; }
    Result<> commit_onto(const std::string&, const std::string&, const std::string&, bool) override {
        return {};
    }
    Result<> remove(const std::string& key) override {
        if (keys.erase(key) == 0) return fail(ErrorKind::kNotFound, "no snapshot " + key);
        return {};
    }
    Result<> discard(const std::string& key) override { return remove(key); }
    Result<> clear_discarded() override { return {}; }
    Result<> settle() override { return {}; }
    Result<> replace(const std::string&, const std::string&) override { return {}; }
    Result<snapshot::SnapshotInfo> stat(const std::string& key) override {
        return snapshot::SnapshotInfo{key, "", false, ""};
    }
    Result<std::vector<snapshot::SnapshotInfo>> list() override {
        std::vector<snapshot::SnapshotInfo> all;
        for (const auto& key : keys) all.push_back({key, "", false, ""});
        return all;
    }
    Result<std::uint64_t> usage(const std::string&) override { return 7; }
    Result<> collect_orphans() override { return {}; }

    std::set<std::string> keys;

 private:
    std::string folder_;
};

class Volumes final : public volumes::VolumeService {
 public:
    Result<volumes::Volume> create(volumes::NewVolume wanted) override {
        all.insert(wanted.name);
        return inspect(wanted.name);
    }
    Result<volumes::Volume> inspect(const std::string& name) override {
        volumes::Volume volume;
        volume.name = name;
        volume.mountpoint = "/volumes/" + name;
        return volume;
    }
    Result<std::vector<volumes::Volume>> list() override { return std::vector<volumes::Volume>(); }
    Result<> remove(const std::string& name, bool) override {
        all.erase(name);
        return {};
    }
    Result<volumes::Volume> acquire(volumes::NewVolume wanted, const std::string& container) override {
        all.insert(wanted.name);
        used_[wanted.name].insert(container);
        return inspect(wanted.name);
    }
    Result<> release(const std::string& container) override {
        for (auto& [name, users] : used_) users.erase(container);
        return {};
    }
    std::vector<std::string> users(const std::string& name) override {
        return {used_[name].begin(), used_[name].end()};
    }
    Result<std::string> mount(const std::string& name, const std::string& container) override {
        mounted[container].insert(name);
        return "/volumes/" + name;
    }
    Result<> unmount(const std::string& container) override {
        mounted.erase(container);
        return {};
    }
    Result<> recover(const std::vector<volumes::VolumeUse>&) override { return {}; }
    Result<UniqueFd> open(const std::string& name, const std::string&) override {
        return fail(ErrorKind::kNotFound, "volume " + name);
    }
    Result<> copy_up(const std::string&, const std::string&, int, const std::string&) override { return {}; }

    std::set<std::string> all;
    std::map<std::string, std::set<std::string>> mounted;  // by container

 private:
    std::map<std::string, std::set<std::string>> used_;
};

class Networks final : public network::NetworkService {
 public:
    Result<network::Sandbox> attach(const network::SandboxRequest& request) override {
        if (!attach_error.empty()) return fail(ErrorKind::kInternal, attach_error);
        attached.insert(request.container_id);
        network::Sandbox sandbox;
        sandbox.id = request.container_id;
        sandbox.key = "/run/netns/" + request.container_id;
        return sandbox;
    }
    std::string firewall() override { return "iptables"; }
    void announce(const std::string&) override {}
    Result<> detach(const std::string& id) override {
        attached.erase(id);
        return {};
    }
    Result<> recover(const std::vector<std::string>& live) override {
        recovered = live;
        return {};
    }
    std::optional<network::Sandbox> find(const std::string&) override { return std::nullopt; }
    std::vector<network::Network> list() override { return {}; }
    Result<network::Network> inspect(const std::string& name) override {
        return fail(ErrorKind::kNotFound, "network " + name + " not found");
    }
    std::map<std::string, network::Endpoint> members(const std::string&) override { return {}; }
    Result<network::Sandbox> connect(const std::string&, const network::EndpointRequest&) override {
        return network::Sandbox{};
    }
    Result<network::Sandbox> disconnect(const std::string&, const std::string&) override {
        return network::Sandbox{};
    }
    Result<> relink(const std::string&, std::vector<network::LinkedPort>) override { return {}; }
    void rename(const std::string&, const std::string&, const std::string&) override {}
    Result<network::Network> create(network::Network wanted) override { return wanted; }
    Result<> remove(const std::string&) override { return {}; }
    std::vector<std::string> prune(const std::function<bool(const network::Network&)>&) override {
        return {};
    }
    Result<> check(const network::Network&, const network::EndpointRequest&) override { return {}; }
    Result<std::string> resolv_conf(network::Resolver, const std::vector<std::string>&,
                                    const std::vector<std::string>&,
                                    const std::vector<std::string>&) override {
        return std::string("nameserver 192.0.2.1\n");
    }

    std::string attach_error;
    std::set<std::string> attached;
    std::vector<std::string> recovered;
};

class Events final : public events::EventSink {
 public:
    void publish(events::Event event) override { actions.push_back(event.action); }
    std::vector<std::string> actions;
};

}  // namespace berth::fakes
