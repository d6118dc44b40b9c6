#include "engine/logs/log_reader.h"

#include <unistd.h>

#include <cerrno>

#include "engine/logs/cached_log.h"
#include "engine/logs/file_reader.h"
#include "engine/logs/json_record.h"
#include "engine/logs/local_record.h"
#include "engine/logs/tail.h"

namespace berth::logs {

Result<std::unique_ptr<LogReader>> open_log_reader(const std::string& driver, const std::string& path,
                                                   ReadOptions options) {
    if (driver == "json-file") return FileReader::open(path, {take_json_record, find_tail}, options);
    if (driver == "local") return FileReader::open(path, {take_local_record, find_local_tail}, options);
    return fail(ErrorKind::kInvalidArgument, "configured logging driver does not support reading");
}

std::string readable_as(const std::string& driver, const Options& options) {
    if (driver == "json-file" || driver == "local") return driver;
    return wants_cache(driver, options) ? "local" : "none";
}

Result<> remove_logs(const std::string& path) {
    for (unsigned number = 0;; ++number) {
        const std::string file = number == 0 ? path : path + "." + std::to_string(number);
        bool found = false;
        for (const char* ending : {"", ".gz", ".gz.tmp"}) {
            if (::unlink((file + ending).c_str()) == 0) {
                found = true;
            } else if (errno != ENOENT) {
                return fail_errno("remove " + file + ending);
            }
        }
        if (!found && number > 0) return {};
    }
}

}  // namespace berth::logs
