#pragma once

#include <memory>

#include "engine/api/router.h"
#include "engine/async/async.h"
#include "engine/daemon/config.h"

namespace berth::daemon {

// All parts of the engine, built in the order of their dependencies and each handed the few references it
// needs. It knows everything and does nothing: what happens, happens in the parts.
class Composition {
 public:
    // Opens databases, stores and services; nothing is running yet and nobody listens.
    static Result<std::unique_ptr<Composition>> build(IoContext& io, const Config& config);
    ~Composition();

    // Takes up what an earlier daemon left: live containers first, then what hangs on them. Before listening.
    Async<Result<>> recover();
    // Stops what runs, unless live-restore keeps it; after the shutdown timeout, what is left goes on
    // running. Requests are still answered: who waits for a container gets its exit code.
    Async<void> stop_containers();
    // Settings have changed (see reload.h): hands them to who keeps copies, and tells the clients, on the io
    // thread.
    void apply(std::map<std::string, std::string> changed);
    // Ends the engine's own tasks. After the last request.
    Async<void> close();

    api::Router& router();

 private:
    struct Parts;
    explicit Composition(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace berth::daemon
