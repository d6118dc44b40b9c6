#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/unique_fd.h"
#include "engine/confine/helper.h"
#include "engine/confine/wire.h"
#include "engine/sys/spawn.h"

namespace berth::confine {

// One running berth-helper: started with its descriptors, fed, heard. Killed and reaped on destruction.
class HelperProcess {
 public:
    // `input`: an open file, or -1 for a socket that feed() writes to. `extra` come after the target.
    static Result<HelperProcess> start(const HelperOptions& options, std::vector<std::string> arguments,
                                       int input, int target_fd, const std::vector<int>& extra);
    HelperProcess(HelperProcess&&) noexcept = default;
    ~HelperProcess();

    // More input. kDeadlineExceeded when the helper takes nothing for too long; when it has given up, its own
    // error.
    Result<> feed(std::string_view bytes);
    // The end of the input: all records up to "done", which is the last one.
    Result<std::vector<Fields>> finish();

 private:
    HelperProcess(HelperOptions options, sys::ChildProcess child, UniqueFd input, UniqueFd result,
                  int watched)
        : options_(std::move(options)),
          child_(std::move(child)),
          input_(std::move(input)),
          result_(std::move(result)),
          watched_(watched) {}
    Result<bool> read_result();

    HelperOptions options_;
    sys::ChildProcess child_;
    UniqueFd input_, result_;
    int watched_;  // the input file whose position shows progress, or -1
    RecordReader records_;
};

}  // namespace berth::confine
