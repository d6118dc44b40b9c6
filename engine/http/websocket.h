#pragma once

#include <memory>
#include <string>

#include "engine/async/stream.h"
#include "engine/http/message.h"

// The server's side of RFC 6455, over a connection that was taken over.
namespace berth::http {

// A byte stream in messages: what is written goes out as one message, what is read are the payloads of the
// client's, whatever their borders. The client's close is the end of its side.
class WebSocket : public async::Stream {
 public:
    // Tells the client that this is the end.
    virtual Async<Result<>> end() = 0;
};

// The head that accepts a client's handshake; kInvalidArgument for a request that is none.
Result<std::string> websocket_head(const Headers& request);

enum class WebSocketPayload { kText, kBinary };
std::unique_ptr<WebSocket> make_websocket(std::unique_ptr<async::Stream> connection,
                                          WebSocketPayload payload);

}  // namespace berth::http
