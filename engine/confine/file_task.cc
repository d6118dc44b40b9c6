#include "engine/confine/file_task.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/files.h"
#include "engine/confine/file_view.h"
#include "engine/sys/abandon.h"

namespace berth::confine {

namespace {

// Room for a few of the reader's pieces: fewer turns of both sides.
constexpr int kOnTheWay = 1 << 20;

Result<std::pair<UniqueFd, UniqueFd>> socket_pair() {
    int pair[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    ::setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &kOnTheWay, sizeof kOnTheWay);
    return std::pair(UniqueFd(pair[0]), UniqueFd(pair[1]));
}

}  // namespace

Result<FileTask> FileTask::start(const HelperOptions& options, std::vector<std::string> arguments, int input,
                                 int target, const std::vector<UniqueFd>& more) {
    BERTH_TRY(auto output, socket_pair());
    BERTH_TRY(auto result, socket_pair());
    sys::SpawnOptions spawn;
    spawn.argv = helper_command(options, std::move(arguments));
    spawn.fds = {input, output.second.get(), -1, result.second.get(), target};
    for (const UniqueFd& fd : more) spawn.fds.push_back(fd.get());
    FileTask task;
    BERTH_TRY(task.child_, in("start berth-helper", sys::spawn(spawn)));
    task.output = std::move(output.first);
    task.result = std::move(result.first);
    return task;
}

FileTask::~FileTask() {
    sys::abandon(std::move(child_));
}

Result<> FileTask::finish() {
    RecordReader records;
    while (true) {
        Fields fields;
        while (records.take(fields)) {
            if (!fields.empty() && fields[0] == "error") return Failure(decode_error(fields));
            if (!fields.empty() && fields[0] == "done") return {};
        }
        char piece[4096];
        ssize_t got = ::read(result.get(), piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read the result of berth-helper");
        if (got == 0) return fail(ErrorKind::kInternal, "berth-helper died without a result");
        records.append({piece, static_cast<std::size_t>(got)});
    }
}

Result<FileTask> FileTask::start_in(const HelperOptions& options, std::vector<std::string> arguments,
                                    const FileView& view, int input) {
    append_view(view, arguments);
    return start(options, std::move(arguments), input,
                 view.mount_namespace ? view.mount_namespace.get() : view.root.get(), view.handed);
}

Result<FileTask> FileTask::stat(const HelperOptions& options, const FileView& view, const std::string& path) {
    return start_in(options, {"stat", path}, view, -1);
}

Result<FileTask> FileTask::archive(const HelperOptions& options, const FileView& view,
                                   const std::string& path) {
    return start_in(options, {"archive", path}, view, -1);
}

Result<FileTask> FileTask::export_root(const HelperOptions& options, const FileView& view) {
    return start_in(options, {"export"}, view, -1);
}

Result<FileTask> FileTask::extract(const HelperOptions& options, const FileView& view,
                                   const std::string& path, const Extraction& extraction,
                                   const TarInput& input) {
    std::string owner, rules;
    if (extraction.owner)
        owner = std::to_string(extraction.owner->first) + ":" + std::to_string(extraction.owner->second);
    if (extraction.keep_kinds) rules = "keep-kinds";
    BERTH_TRY(FileTask task,
              start_in(options, {"put", path, rules, owner, framing_of(input)}, view, input.fd.get()));
    BERTH_CHECK(send_early(task.result.get(), input));
    return task;
}

Result<FileTask> FileTask::start_on(const HelperOptions& options, const char* task, const Layers& layers) {
    BERTH_TRY(UniqueFd upper, open_file(layers.upper, O_RDONLY | O_DIRECTORY));
    std::vector<std::string> arguments{task};
    arguments.insert(arguments.end(), layers.lower.begin(), layers.lower.end());
    return start(options, std::move(arguments), -1, upper.get());
}

Result<FileTask> FileTask::changes(const HelperOptions& options, const Layers& layers) {
    return start_on(options, "changes", layers);
}

Result<FileTask> FileTask::layer(const HelperOptions& options, const Layers& layers) {
    return start_on(options, "layer", layers);
}

}  // namespace berth::confine
