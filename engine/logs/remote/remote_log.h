#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/logs/log_driver.h"
#include "engine/logs/pieces.h"
#include "engine/logs/remote/outbox.h"

namespace berth::logs {

// A record as one protocol sends it; empty for one that is not sent.
class Encoder {
 public:
    virtual ~Encoder() = default;
    virtual std::vector<std::string> encode(Stream stream, Timestamp time, std::string_view line,
                                            const Piece& piece) = 0;
    // What the server answers to the last of them; "": nothing.
    virtual std::string answer() const { return ""; }
};
std::unique_ptr<Encoder> make_syslog_encoder(const LogPlan& plan);
std::unique_ptr<Encoder> make_gelf_encoder(const LogPlan& plan);
std::unique_ptr<Encoder> make_fluentd_encoder(const LogPlan& plan);

// The driver that the plan names, connected where that is part of opening it. Blocking.
Result<std::unique_ptr<LogDriver>> open_remote_log(const LogPlan& plan);

}  // namespace berth::logs
