#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/http/client.h"

namespace berth::registry {

// An answer that is no success, as far as texts need it.
struct Refusal {
    unsigned status = 0;
    std::string method, url, body;
};

// Reads what is left of a refusing answer.
Async<Refusal> read_refusal(http::ClientResponse response, std::string method, std::string url,
                            std::chrono::milliseconds patience);

// What it says, in the words of Docker with its containerd store: "unexpected status from GET request to
// https://…: 500 Internal Server Error: CODE: MESSAGE" from the distribution protocol's
// {"errors":[{"code","message"}]} or any other body. Statuses become kinds; a refused stranger is
// kUnauthorized.
Failure unexpected_status(const Refusal& refusal);

// "manifest unknown: no such manifest" of the first error in such a body; "" for any other body.
std::string first_error(const std::string& body);

// A failure to find what a reference names: `failed to resolve reference "X": …`; kNotFound for a missing
// one. `reference` is the whole name.
Failure tags_failure(Error error, const std::string& reference, const std::string& familiar_name);
Failure resolve_failure(Error error, const std::string& reference, const std::string& familiar_name);

}  // namespace berth::registry
