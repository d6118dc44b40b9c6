#include "engine/logs/log_reader.h"

#include <unistd.h>

#include <cerrno>

#include "engine/logs/json_reader.h"

namespace berth::logs {

Result<std::unique_ptr<LogReader>> open_log_reader(const std::string& driver, const std::string& path,
                                                   ReadOptions options) {
    if (driver == "json-file") return JsonReader::open(path, options);
    return fail(ErrorKind::kInvalidArgument, "configured logging driver does not support reading");
}

Result<> remove_logs(const std::string& path) {
    for (unsigned number = 0;; ++number) {
        std::string file = number == 0 ? path : path + "." + std::to_string(number);
        if (::unlink(file.c_str()) == 0) continue;
        if (errno != ENOENT) return fail_errno("remove " + file);
        if (number > 0) return {};
    }
}

}  // namespace berth::logs
