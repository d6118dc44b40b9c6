#pragma once

#include <memory>

#include "engine/api/router.h"
#include "engine/image/image_service.h"

namespace berth::api {

// The answer of pull, load and import: JSON lines while the work goes on. The head goes out with the first
// line; an error before that is an ordinary one with a status, a later one is the last line:
// {"errorDetail":{"message":m},"error":m}.
class ProgressStream {
 public:
    ProgressStream(IoContext& io, Exchange& exchange);

    // Takes lines from any thread, also after this object has gone.
    image::Progress sink() const;

    enum class Client {
        kIgnore,
        kWatch
    };  // kWatch: the work is cancelled when the client goes (its body is read)
    // kInStream: an error is the stream's last line even when it is the first, too, as load and push have it.
    enum class Failure { kAsStatus, kInStream };
    // Io thread. Runs `work`, writes its lines, ends the answer. A client that does not take its lines
    // cancels the work too.
    Async<Result<>> answer(Async<Result<>> work, Client client, Failure failure = Failure::kAsStatus);

 private:
    struct Lines;
    static Async<void> finish_after(std::shared_ptr<Lines> lines, Async<Result<>> work, Result<>* result);
    static Async<void> write_lines(std::shared_ptr<Lines> lines, Exchange& exchange);
    static Async<void> write_while_there(std::shared_ptr<Lines> lines, Exchange& exchange);

    Exchange& exchange_;
    std::shared_ptr<Lines> lines_;
};

// What ends a stream that has begun.
std::string error_line(const std::string& message);

}  // namespace berth::api
