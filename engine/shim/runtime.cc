#include "engine/shim/runtime.h"

#include "engine/base/files.h"
#include "engine/logs/json_record.h"
#include "engine/shim/protocol/bundle.h"

namespace berth::shim {

namespace {

// The message of the last line of the log at level error or worse.
std::string last_error(const std::string& path) {
    auto log = read_file(path, 16 << 20);
    if (!log) return {};
    std::string_view rest = *log;
    while (!rest.empty()) {
        auto start = rest.find_last_of('\n', rest.size() - 2);
        start = start == std::string_view::npos || rest.size() < 2 ? 0 : start + 1;
        std::string_view line = rest.substr(start);
        rest = rest.substr(0, start);
        while (line.ends_with('\n')) line.remove_suffix(1);
        auto level = logs::json_text_field(line, "level");
        auto message = logs::json_text_field(line, "msg");
        if (message && (level == "error" || level == "fatal" || level == "panic")) return *message;
    }
    return {};
}

}  // namespace

Result<sys::ChildProcess> Runtime::start(std::vector<std::string> words, std::vector<int> fds,
                                         sys::SpawnHook hook, const std::string& log) const {
    sys::SpawnOptions options;
    if (program_) options.path = "/proc/self/fd/" + std::to_string(program_.get());
    options.argv = {task_.runtime, "--root", task_.runtime_root, "--log", log, "--log-format", "json"};
    options.argv.insert(options.argv.end(), task_.runtime_args.begin(), task_.runtime_args.end());
    options.argv.insert(options.argv.end(), words.begin(), words.end());
    options.argv.push_back(task_.id);
    options.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
    options.fds = std::move(fds);
    options.hook = hook;
    return sys::spawn(options);
}

Error Runtime::hung(const std::string& verb) const {
    return Error{ErrorKind::kDeadlineExceeded,
                 "OCI runtime " + verb + " failed: the runtime took longer than " +
                     std::to_string(task_.runtime_seconds) + " seconds and was killed",
                 0};
}

Error Runtime::failure(const std::string& verb, int exit_code, std::string fallback,
                       const std::string& log) const {
    std::string text = last_error(log);
    if (text.empty()) {
        while (fallback.ends_with('\n')) fallback.pop_back();
        text = "runtime did not terminate successfully: exit status " + std::to_string(exit_code);
        if (!fallback.empty()) text += ": " + fallback;
    }
    return Error{ErrorKind::kInternal, "OCI runtime " + verb + " failed: " + text, 0};
}

}  // namespace berth::shim
