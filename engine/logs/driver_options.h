#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/logs/log_driver.h"

namespace berth::logs {

// Where a remote driver sends to.
struct Address {
    std::string scheme;  // tcp, udp, tcp+tls, tls, unix, unixgram
    std::string host;    // without brackets
    std::uint16_t port = 0;
    std::string path;  // of a socket file
};

// The files of a TLS connection, PEM; "" for those that are not given.
struct TlsFiles {
    std::string authority, certificate, key;
    bool verify = true;
};

// Drivers whose records go to a log server: berth-logger sends them.
bool is_remote(const std::string& driver);

// The bytes that may wait when the container is not to be held up ("mode=non-blocking"); nothing if it may
// be.
Result<std::optional<std::uint64_t>> lossy_buffer(const Options& options);

// "syslog-address", "gelf-address", "fluentd-address", or its default; a syslog on this host has no scheme.
Result<Address> remote_address(const std::string& driver, const Options& options);
// The options syslog-tls-…
TlsFiles tls_files(const Options& options);
// The priority's part: 3 << 3 for "daemon".
Result<int> syslog_facility(const Options& options);
// Go's "1s", "500ms", "1m30s", in milliseconds.
Result<std::int64_t> parse_duration(const std::string& text);
// An option that is on or off.
Result<bool> switched(const Options& options, const std::string& key);
// A number that an option gives.
Result<std::int64_t> number_option(const Options& options, const std::string& key, std::int64_t otherwise,
                                   std::int64_t most);

}  // namespace berth::logs
