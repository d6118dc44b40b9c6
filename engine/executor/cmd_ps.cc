#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"
#include "engine/executor/host_program.h"
#include "engine/sys/pidfd.h"
#include "engine/sys/spawn.h"

namespace berth::executor {

namespace {

std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> out;
    for (std::size_t at = line.find_first_not_of(' '); at < line.size();
         at = line.find_first_not_of(' ', at)) {
        auto end = std::min(line.find(' ', at), line.size());
        out.push_back(line.substr(at, end - at));
        at = end;
    }
    return out;
}

// What the host's ps(1) says, errors included.
Result<std::string> host_ps(const std::vector<std::string>& arguments) {
    sys::SpawnOptions options;
    BERTH_TRY(options.path, find_host_program("ps"));
    options.argv = {"ps"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    if (arguments.empty()) options.argv.emplace_back("-ef");
    for (char** word = environ; *word != nullptr; ++word) options.env.emplace_back(*word);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("pipe");
    UniqueFd read(ends[0]), write(ends[1]);
    options.fds = {-1, write.get(), write.get()};
    BERTH_TRY(sys::ChildProcess child, sys::spawn(options));
    write.reset();
    BERTH_TRY(std::string said, read_all(read.get()));
    BERTH_TRY(sys::ChildStatus status, sys::wait_child(child.pidfd.get()));
    if (status.exit_code != 0)
        return fail(ErrorKind::kInternal, "exit status " + std::to_string(status.exit_code) + ": " + said);
    return said;
}

Result<std::string> table_of(const std::string& all, const std::vector<pid_t>& pids) {
    std::string out;
    std::size_t column = std::string::npos;
    for (std::size_t at = 0; at < all.size();) {
        std::string line = all.substr(at, all.find('\n', at) - at);
        bool title = at == 0;
        at += line.size() + 1;
        auto words = words_of(line);
        if (title) {
            column = static_cast<std::size_t>(std::find(words.begin(), words.end(), "PID") - words.begin());
            if (column == words.size())
                return fail(ErrorKind::kInvalidArgument, "couldn't find PID field in ps output");
            out = line + "\n";
            continue;
        }
        if (words.size() <= column) continue;
        pid_t pid = 0;
        const std::string& word = words[column];
        auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), pid);
        if (error != std::errc()) return fail(ErrorKind::kInternal, "unable to parse pid: " + word);
        if (std::binary_search(pids.begin(), pids.end(), pid)) out += line + "\n";
    }
    return out;
}

}  // namespace

Result<> ps_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options, 1, 1 << 20));
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    BERTH_TRY(cgroup::Cgroup group, cgroup_of(state));
    BERTH_TRY(std::vector<pid_t> pids, group.processes());
    if (options.format == "json") return write_all(STDOUT_FILENO, nlohmann::json(pids).dump() + "\n");
    if (options.format != "table") return fail(ErrorKind::kInvalidArgument, "invalid format option");
    BERTH_TRY(std::string all, host_ps({options.arguments.begin() + 1, options.arguments.end()}));
    BERTH_TRY(std::string table, table_of(all, pids));
    return write_all(STDOUT_FILENO, table);
}

}  // namespace berth::executor
