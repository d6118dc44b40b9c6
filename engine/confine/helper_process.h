#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/base/unique_fd.h"
#include "engine/confine/helper.h"
#include "engine/confine/tar_input.h"
#include "engine/confine/wire.h"
#include "engine/sys/spawn.h"

namespace berth::confine {

// One running berth-helper: started with its descriptors, fed, heard. Killed and reaped on destruction.
class HelperProcess {
 public:
    // `input`: what it reads. `extra` come after the target.
    static Result<HelperProcess> start(const HelperOptions& options, std::vector<std::string> arguments,
                                       int input, int target_fd, const std::vector<int>& extra);
    HelperProcess(HelperProcess&&) noexcept = default;
    ~HelperProcess();

    Result<> send_early(const TarInput& input) { return confine::send_early(result_.get(), input); }
    // All records up to "done", which is the last one, as they come.
    using Hear = std::function<void(const Fields& record)>;
    Result<> finish(const Hear& hear);
    // The same, when all have come.
    Result<std::vector<Fields>> finish();

 private:
    HelperProcess(HelperOptions options, sys::ChildProcess child, UniqueFd result, int watched)
        : options_(std::move(options)),
          child_(std::move(child)),
          result_(std::move(result)),
          watched_(watched) {}
    Result<bool> read_result();

    HelperOptions options_;
    sys::ChildProcess child_;
    UniqueFd result_;
    int watched_;  // the input file whose position shows progress, or -1
    RecordReader records_;
};

}  // namespace berth::confine
