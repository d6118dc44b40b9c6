#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::http {

// How a client meets TLS servers. All files are PEM.
struct TlsSettings {
    struct Pair {
        std::string certificate, key;
    };
    std::vector<std::string> authorities;  // files; beside the system's
    // What this side shows a server that asks: the one whose issuer the server names, else the first.
    std::vector<Pair> certificates;
    bool verify = true;  // false: any certificate will do
};

// Settings with their files read; shared by connections.
class TlsContext;

// Blocking. The error names the file that is missing or damaged.
Result<std::shared_ptr<const TlsContext>> make_tls_context(const TlsSettings& settings);

}  // namespace berth::http
