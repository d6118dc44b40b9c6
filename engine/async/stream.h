#pragma once

#include <span>
#include <string_view>

#include "engine/async/async.h"
#include "engine/base/unique_fd.h"

namespace berth::async {

// A full-duplex byte stream: a hijacked HTTP connection, a shim's attach socket, the two ends of a proxy.
// One read and one write may be under way at a time. Used on the io thread only.
class Stream {
 public:
    virtual ~Stream() = default;
    // At least one byte; 0 means the peer has ended its side (half-close), once and for ever.
    virtual Async<Result<std::size_t>> read_some(std::span<char> buffer) = 0;
    virtual Async<Result<>> write_all(std::string_view bytes) = 0;
    // Ends our side; the peer reads end of file and may go on writing.
    virtual void shutdown_write() = 0;
    // Ends both sides; reads and writes under way return kCancelled. Callable more than once.
    virtual void close() = 0;
    // The socket once more, where the bytes on it are those of the stream, for somebody else to read or write
    // there for a while; else none.
    virtual UniqueFd share_socket() { return {}; }
};

}  // namespace berth::async
