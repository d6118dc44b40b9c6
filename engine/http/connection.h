#pragma once

#include <memory>
#include <string>

#include "engine/http/server.h"
#include "engine/http/tls_stream.h"

namespace berth::http {

// One connection of the server: requests one after the other, until either side has enough or the connection
// is hijacked. Io thread only.
class Connection {
 public:
    Connection(IoContext& io, AcceptedClient client, const Handler& handler);
    ~Connection();

    Async<void> serve();
    // No more requests after the present one; an idle connection ends now.
    void finish();
    // Ends now, come what may. A hijacked stream is no longer this object's.
    void close();

 private:
    friend class Exchange;
    Async<Result<bool>> next_head();
    Async<Result<std::size_t>> fill();
    Async<bool> answer();
    Async<void> refuse(unsigned status, std::string text);
    Async<void> linger();

    IoContext& io_;
    std::unique_ptr<async::Stream> stream_;
    std::shared_ptr<const Peer> peer_;
    const Handler& handler_;
    std::string buffer_;  // received and not yet understood
    std::unique_ptr<class Parser> parser_;
    bool idle_ = true;
    bool finishing_ = false;
    bool peer_ended_ = false;
};

}  // namespace berth::http
