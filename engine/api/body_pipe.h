#pragma once

#include <memory>

#include "engine/async/event.h"
#include "engine/async/stream.h"
#include "engine/base/unique_fd.h"
#include "engine/http/message.h"
#include "engine/image/image_service.h"

namespace berth::api {

// Carries a request's body from the io thread to a service that reads blockingly. What is on the way lies in
// a socket buffer: memory stays bounded, a slow reader slows the client down, and the io thread never waits.
class BodyPipe {
 public:
    static Result<std::unique_ptr<BodyPipe>> open(IoContext& io);

    // The blocking end, once. A body that breaks off reads as an error, never as an end.
    image::Reader reader();
    // The same end for another process to read. There, a body that breaks off looks like one that has ended.
    Result<UniqueFd> descriptor() const;
    // Io thread: carries `body` over, then stays until it is cancelled (so that the reader's work can be
    // raced against it). Cancelled early, it breaks the body off.
    Async<void> pump(http::BodyReader& body);

 private:
    struct Shared;
    BodyPipe(IoContext& io, std::shared_ptr<Shared> shared, std::unique_ptr<async::Stream> writing);
    Async<bool> carry(http::BodyReader& body);

    std::shared_ptr<Shared> shared_;
    std::unique_ptr<async::Stream> writing_;
    async::Event never_;
};

}  // namespace berth::api
