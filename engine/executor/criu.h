#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/executor/criu_message.h"
#include "engine/executor/options.h"
#include "engine/oci/runtime_spec.h"
#include "engine/sys/spawn.h"

// criu(8), which saves and restores processes, as a program of its own: `criu swrk FD` takes one request over
// a socket, tells what it is about to do, and answers.
namespace berth::executor {

enum class CriuRequest : unsigned {
    kDump = 1,
    kRestore = 2,
    kPreDump = 4,
    kNotify = 6,
    kFeatures = 9,
    kVersion = 10
};

struct CriuNotice {
    std::string what;  // "post-restore", "orphan-pts-master", …
    pid_t pid = 0;
    UniqueFd descriptor;
};

class Criu {
 public:
    // Starts it. `streams` become its 0, 1 and 2 (-1: /dev/null), `extra` its 4 and following ones.
    // kUnavailable when it is not installed.
    static Result<Criu> start(const std::vector<int>& streams = {-1, -1, -1},
                              const std::vector<int>& extra = {});
    pid_t pid() const { return child_.pid; }

    // One request, with `options` (criu_opts) or without; `notice` is called for each thing criu tells, and
    // an error of its own ends all. Then criu is gone.
    using OnNotice = std::function<Result<>(CriuNotice&)>;
    Result<CriuFields> ask(CriuRequest request, const CriuMessage* options, const OnNotice& notice = {},
                           const CriuMessage* features = nullptr);

 private:
    Result<> send(const CriuMessage& message);
    Result<CriuFields> converse(CriuRequest request, const OnNotice& notice);
    sys::ChildProcess child_;
    UniqueFd socket_;
};

// 31701 is 3.17.1.
Result<unsigned> criu_version();
// kUnavailable: "criu is missing features: NAME". `field` is one of criu_features.
Result<> need_criu_feature(unsigned field, const char* name);

// What dump and restore have in common: images, work folder, log, cgroups, the flags. The descriptors stay
// open for as long as criu needs them.
struct CriuFolders {
    UniqueFd images, work;
    std::string log;  // path of the log file
};
Result<CriuFolders> open_criu_folders(const CriuOptions& flags, const char* log_file);
Result<CriuMessage> common_criu_options(const Options& options, const oci::RuntimeSpec& spec,
                                        const CriuFolders& folders, const char* log_file);

// The lines of criu's log that say what went wrong, as warnings.
void quote_criu_log(const Options& options, const std::string& path);

}  // namespace berth::executor
