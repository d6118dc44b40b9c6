#pragma once

#include <memory>
#include <string>

#include "cli/client/engine.h"
#include "engine/async/stream.h"

namespace berth::cli {

// Asks the engine to make the connection a stream (attach, exec). An Error is the engine's own, as docker
// words it.
Async<Result<std::unique_ptr<async::Stream>>> open_stream(Engine& engine, std::string path,
                                                          std::string json_body);

// One request whose answer is small; its body.
Async<Result<std::string>> simple_request(Engine& engine, std::string method, std::string path);

// What a process in the foreground shares with this terminal.
struct StreamSession {
    bool tty = false;         // raw bytes, else Docker's frames
    bool input = false;       // stdin goes along; a terminal is put in raw mode meanwhile
    std::string detach_keys;  // with a terminal; "": the default ones
    std::string resize_path;
    std::string kill_path;  // where signals go to, or ""
};

// Until the stream ends. Returns whether the user typed the detach keys (the engine ends the stream then).
Async<Result<bool>> run_streams(Engine& engine, std::unique_ptr<async::Stream> stream, StreamSession session);

}  // namespace berth::cli
