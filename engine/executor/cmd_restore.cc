#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/executor/bundle.h"
#include "engine/executor/commands.h"
#include "engine/executor/criu.h"
#include "engine/executor/criu_mounts.h"
#include "engine/executor/foreground.h"
#include "engine/executor/hooks.h"
#include "engine/executor/host_program.h"
#include "engine/executor/report.h"
#include "engine/executor/socket_calls.h"
#include "engine/executor/start.h"

namespace berth::executor {

namespace {

constexpr const char* kLog = "restore.log";

// One `restore`, step by step; what it has made goes again unless it succeeds.
class Restore {
 public:
    Restore(const Options& options, Bundle bundle, UniqueFd console)
        : options_(options), bundle_(std::move(bundle)), console_(std::move(console)) {}
    Result<ContainerState> run();

 private:
    Result<CriuMessage> message(const CriuFolders& folders, const std::string& root);
    Result<> inherit_streams(CriuMessage& message);
    Result<> give_spaces(CriuMessage& message);
    Result<> place_criu(const Criu& criu, const cgroup::Cgroup& group, CriuMessage& message);
    Result<Criu> start_criu(const std::string& root, CriuFolders& folders, CriuMessage& asked);
    Result<> follow(CriuNotice& notice);

    const Options& options_;
    Bundle bundle_;
    UniqueFd console_;
    std::vector<UniqueFd> spaces_;  // what criu gets as its descriptors from 4 on
    UndoStack undo_;
};

Result<> Restore::inherit_streams(CriuMessage& message) {
    std::string path = options_.criu.image_path + "/descriptors.json";
    BERTH_TRY(std::string text, read_file(path, 1 << 20));
    auto names = nlohmann::json::parse(text, nullptr, false);
    if (!names.is_array()) return fail(ErrorKind::kDataLoss, path + " is damaged");
    for (std::size_t i = 0; i < names.size() && i < 3; ++i) {
        std::string name = names[i].is_string() ? names[i].get<std::string>() : "";
        CriuMessage one;
        if (name.find("pipe:") != std::string::npos) message.message(27, one.text(1, name).number(2, i));
    }
    return {};
}

Result<> Restore::give_spaces(CriuMessage& message) {
    for (const oci::Namespace& space : bundle_.spec.linux_.namespaces) {
        if (space.path.empty()) continue;
        if (space.type == "cgroup")
            return fail(ErrorKind::kInvalidArgument, "criu cannot restore into a cgroup namespace by path");
        CriuMessage one;
        if (space.type == "network" || space.type == "pid") {
            BERTH_TRY(UniqueFd fd, open_file(space.path, O_RDONLY));
            constexpr std::size_t kFirst = 4;
            one.text(1, space.type == "pid" ? "extRootPidNS" : "extRootNetNS")
                .number(2, kFirst + spaces_.size());
            message.message(27, one);
            spaces_.push_back(std::move(fd));
            continue;
        }
        message.message(39, one.text(1, space.type == "mount" ? "mnt" : space.type).text(2, space.path));
    }
    return {};
}

Result<CriuMessage> Restore::message(const CriuFolders& folders, const std::string& root) {
    BERTH_TRY(CriuMessage out, common_criu_options(options_, bundle_.spec, folders, kLog));
    // Init becomes this process' own child, not criu's.
    out.number(6, 1).text(13, root).number(26, 1);
    out.text_if(53, options_.criu.lsm_profile).text_if(63, options_.criu.lsm_mount_context);
    BERTH_CHECK(give_spaces(out));
    BERTH_CHECK(give_mounts(out, bundle_.spec, bundle_.state));
    BERTH_CHECK(inherit_streams(out));
    return out;
}

// What criu makes is born in its own cgroup, which is the container's.
Result<> Restore::place_criu(const Criu& criu, const cgroup::Cgroup& group, CriuMessage& message) {
    BERTH_CHECK(in("unable to apply cgroup configuration", group.join(criu.pid())));
    BERTH_TRY(std::string text, read_file("/proc/" + std::to_string(criu.pid()) + "/cgroup"));
    for (std::size_t at = 0; at < text.size();) {
        std::string line = text.substr(at, text.find('\n', at) - at);
        at += line.size() + 1;
        auto first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        std::string path = line.substr(second + 1);
        for (std::size_t from = first + 1; from <= second;) {
            auto end = std::min(line.find(',', from), second);
            CriuMessage one;
            message.message(25, one.text(1, line.substr(from, end - from)).text(2, path));
            from = end + 1;
        }
    }
    return {};
}

Result<> Restore::follow(CriuNotice& notice) {
    debug(options_, "criu: " + notice.what);
    const oci::Hooks& hooks = bundle_.spec.hooks;
    if (notice.what == "setup-namespaces") {
        std::string text = hook_state(bundle_.state, "creating", notice.pid);
        BERTH_CHECK(run_hooks("prestart", hooks.prestart, text));
        return run_hooks("createRuntime", hooks.create_runtime, text);
    }
    if (notice.what == "orphan-pts-master" && notice.descriptor && console_)
        return send_descriptor(console_.get(), notice.descriptor.get(), "/dev/ptmx");
    if (notice.what != "post-restore") return {};
    undo_.push([pid = notice.pid] { ::kill(pid, SIGKILL); });
    BERTH_CHECK(draft_state(options_.root, bundle_.state, notice.pid));
    return publish(options_, bundle_.state);
}

// Inside the space: criu mounts in its work folder, which a descriptor of outside would not let it.
Result<Criu> Restore::start_criu(const std::string& root, CriuFolders& folders, CriuMessage& asked) {
    BERTH_TRY(folders, open_criu_folders(options_.criu, kLog));
    BERTH_TRY(asked, message(folders, root));
    std::vector<int> streams = {0, 1, 2}, extra;
    if (bundle_.spec.process->terminal) streams = {-1, -1, -1};
    for (const UniqueFd& space : spaces_) extra.push_back(space.get());
    return Criu::start(streams, extra);
}

Result<ContainerState> Restore::run() {
    BERTH_CHECK(make_state_folder(options_, bundle_, undo_));
    BERTH_TRY(cgroup::Cgroup group, find_cgroup(options_, bundle_.spec, bundle_.state, undo_));
    BERTH_CHECK(make_cgroup(options_, bundle_.spec, bundle_.state, group));
    // criu asks for the process when there is one; it would be in a group with nobody to put it there.
    if (bundle_.spec.linux_.intel_rdt)
        return fail(ErrorKind::kNotImplemented, "restore: linux.intelRdt is not supported");
    std::string root = state_folder(options_.root, bundle_.state.id) + "/criu-root";
    BERTH_TRY(RestoreSpace space, RestoreSpace::enter(bundle_.spec, bundle_.state, root));
    CriuFolders folders;
    CriuMessage asked;
    auto criu = start_criu(root, folders, asked);
    BERTH_CHECK(space.leave());
    if (!criu) return Failure(std::move(criu.error()));
    auto placed = place_criu(*criu, group, asked);
    auto follow_it = [&](CriuNotice& notice) { return follow(notice); };
    auto done = placed ? criu->ask(CriuRequest::kRestore, &asked, follow_it)
                       : Result<CriuFields>(Failure(std::move(placed.error())));
    ::rmdir(root.c_str());
    if (!done) {
        quote_criu_log(options_, folders.log);
        return Failure(std::move(done.error()));
    }
    undo_.keep();
    return std::move(bundle_.state);
}

}  // namespace

Result<> restore_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_CHECK(in("restore needs criu, which is not installed", find_host_program("criu")));
    BERTH_TRY(Bundle bundle, read_bundle(options, id));
    bool terminal = bundle.spec.process->terminal;
    TerminalLine line;
    if (!options.console_socket.empty()) {
        BERTH_TRY(line.inner, connect_unix(options.console_socket));
    } else if (terminal && !options.detach) {
        BERTH_TRY(line, make_terminal_line());
    }
    if (!options.detach && !options.no_subreaper) ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (!options.detach) hold_signals();
    BERTH_TRY(ContainerState state, Restore(options, std::move(bundle), std::move(line.inner)).run());
    if (options.detach) return {};
    UniqueFd master;
    if (line.outer) {
        BERTH_TRY(master, receive_descriptor(line.outer.get()));
    }
    NotifySocket none;
    BERTH_TRY(int code, accompany(state.pid, std::move(master), none));
    BERTH_CHECK(remove_container(options, state));
    std::exit(code);
}

}  // namespace berth::executor
