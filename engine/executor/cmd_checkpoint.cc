#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"
#include "engine/executor/criu.h"
#include "engine/executor/criu_mounts.h"
#include "engine/executor/host_program.h"
#include "engine/executor/report.h"
#include "engine/executor/start.h"

// One request to criu: images of all processes, and with them descriptors.json, a JSON array of what init's
// 0, 1 and 2 were, as runc has it.
namespace berth::executor {

namespace {

constexpr const char* kLog = "dump.log";

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

Result<> check_parent(const CriuOptions& flags) {
    if (flags.parent_path.empty()) return {};
    if (flags.parent_path[0] == '/') return bad("--parent-path must be relative");
    auto parent = open_file(flags.image_path + "/" + flags.parent_path, O_PATH | O_DIRECTORY);
    return parent ? Result<>() : in("invalid --parent-path", Result<>(Failure(parent.error())));
}

Result<> add_page_server(CriuMessage& options, const std::string& address) {
    if (address.empty()) return {};
    auto colon = address.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == address.size())
        return bad("Use --page-server ADDRESS:PORT to specify page server");
    unsigned port = 0;
    auto [end, error] = std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
    if (error != std::errc() || end != address.data() + address.size() || port > 65535)
        return bad("Invalid port number");
    CriuMessage server;
    options.message(11, server.text(1, address.substr(0, colon)).number(2, port));
    return {};
}

Result<> check_status_fd(const CriuOptions& flags) {
    if (!flags.lazy_pages || flags.status_fd < 0) return {};
    int mode = ::fcntl(flags.status_fd, F_GETFL);
    std::string what = "invalid --status-fd argument " + std::to_string(flags.status_fd);
    if (mode < 0) return fail_errno(what);
    return (mode & O_ACCMODE) == O_RDONLY ? Result<>(bad(what + ": not writable")) : Result<>();
}

// A namespace that was joined by path is not the container's to save.
Result<> name_spaces(CriuMessage& options, const oci::RuntimeSpec& spec) {
    for (const oci::Namespace& space : spec.linux_.namespaces) {
        bool net = space.type == "network";
        if (space.path.empty() || (!net && space.type != "pid")) continue;
        struct stat status{};
        if (::stat(space.path.c_str(), &status) != 0) return fail_errno("stat " + space.path);
        options.text(37, std::string(net ? "net[" : "pid[") + std::to_string(status.st_ino) + "]:extRoot" +
                             (net ? "Net" : "Pid") + "NS");
    }
    return {};
}

Result<CriuMessage> dump_options(const Options& options, const oci::RuntimeSpec& spec,
                                 const ContainerState& state, const CriuFolders& folders) {
    const CriuOptions& flags = options.criu;
    BERTH_TRY(CriuMessage out, common_criu_options(options, spec, folders, kLog));
    out.number(2, static_cast<unsigned>(state.pid)).flag(3, flags.leave_running).text(13, state.rootfs);
    out.flag(18, flags.link_remap).flag(46, flags.tcp_skip_in_flight);
    if (!state.freezer.empty()) out.text(44, state.freezer.substr(0, state.freezer.rfind('/')));
    if (!flags.parent_path.empty()) out.text(14, flags.parent_path).number(15, 1);
    BERTH_CHECK(add_page_server(out, flags.page_server));
    BERTH_CHECK(name_spaces(out, spec));
    if (!flags.pre_dump) BERTH_CHECK(name_mounts(out, spec, state));
    return out;
}

// When somebody may come for the pages.
Result<> tell_status(const CriuOptions& flags, const CriuNotice& notice) {
    if (notice.what != "status-ready" || flags.status_fd < 0) return {};
    bool told = ::write(flags.status_fd, "", 1) == 1;
    ::close(flags.status_fd);
    return told ? Result<>() : Result<>(fail_errno("write to --status-fd"));
}

}  // namespace

Result<> checkpoint_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    Status status = status_of(options.root, state);
    if (status == Status::kCreated || status == Status::kStopped) {
        return fail(ErrorKind::kConflict,
                    std::string("Container cannot be checkpointed in ") + status_text(status) + " state");
    }
    const CriuOptions& flags = options.criu;
    BERTH_TRY(oci::RuntimeSpec spec, load_spec(options.root, id));
    BERTH_CHECK(in("checkpoint needs criu, which is not installed", find_host_program("criu")));
    BERTH_CHECK(make_folders(flags.image_path, 0700));
    BERTH_CHECK(check_parent(flags));
    BERTH_CHECK(check_status_fd(flags));
    BERTH_TRY(CriuFolders folders, open_criu_folders(flags, kLog));
    BERTH_TRY(CriuMessage asked, dump_options(options, spec, state, folders));
    if (flags.pre_dump) BERTH_CHECK(need_criu_feature(1, "MemTrack"));
    if (flags.lazy_pages) BERTH_CHECK(need_criu_feature(2, "LazyPages"));
    if (!flags.pre_dump) {
        BERTH_CHECK(
            write_file(flags.image_path + "/descriptors.json", nlohmann::json(state.streams).dump(), 0600));
    }
    BERTH_TRY(Criu criu, Criu::start());
    auto done = criu.ask(flags.pre_dump ? CriuRequest::kPreDump : CriuRequest::kDump, &asked,
                         [&](CriuNotice& notice) { return tell_status(flags, notice); });
    if (!done) {
        quote_criu_log(options, folders.log);
        return Failure(std::move(done.error()));
    }
    if (flags.leave_running || flags.pre_dump) return {};
    return remove_container(options, state);
}

}  // namespace berth::executor
