#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/async/blocking_pool.h"
#include "engine/async/key_lock.h"
#include "engine/confine/file_task.h"
#include "engine/container/core.h"

namespace berth::container {

// A helper at work on a container's files, heard from the io thread.
class FileRun {
 public:
    // `guard`: held until the work has ended, for a container that must stay as it is; its volumes are
    // unmounted then, too.
    FileRun(Core& core, confine::FileTask task, std::optional<async::KeyLock::Guard> guard,
            std::string container);
    ~FileRun();

    // The next record; the last one is "done". An "error" record is the error.
    Async<Result<confine::Fields>> record();
    // Bytes of the output; "" at its end.
    Async<Result<std::string>> output();
    // Instead: the helper writes its output to a socket, in HTTP's chunks but for the last one.
    Result<> send_output_to(int socket);

 private:
    Core& core_;
    std::string container_;
    std::optional<async::KeyLock::Guard> guard_;
    std::shared_ptr<confine::FileTask> task_;
    std::unique_ptr<async::Stream> result_, output_;
    confine::RecordReader records_;
    bool output_wanted_ = false;
};

// Takes back what was mounted to look into a container that does not run. Blocking.
void unmount_volumes(const Core& core, const std::string& container);

// The output as a stream; its end is told only after the helper has said that all went well.
std::unique_ptr<FileStream> make_file_stream(std::unique_ptr<FileRun> run);

}  // namespace berth::container
