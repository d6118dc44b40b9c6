#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/http/tls.h"

namespace berth::plugins {

// Where a plugin listens.
struct PluginAddress {
    std::string url;  // "unix:///run/docker/plugins/x.sock", "tcp://host:port", "https://…"
    std::shared_ptr<const http::TlsContext> tls;  // for https; nothing: the system's certificates
};

// Where plugins are found: NAME.sock (or NAME/NAME.sock) in the first, NAME.spec (a line with the address) or
// NAME.json ({"Name", "Addr", "TLSConfig": {"CAFile", "CertFile", "KeyFile", "InsecureSkipVerify"}}) in the
// others. A .spec, and a .json with a TLSConfig but no CAFile, take any certificate, as they do in Docker.
struct PluginFolders {
    std::vector<std::string> sockets{"/run/docker/plugins"};
    std::vector<std::string> specs{"/etc/docker/plugins", "/usr/lib/docker/plugins"};
};

// The plugins of this host, read anew at each call: they come and go. Blocking; safe from any thread.
class PluginDirectory {
 public:
    explicit PluginDirectory(PluginFolders folders) : folders_(std::move(folders)) {}

    // kNotFound in Docker's words: plugin "NAME" not found.
    Result<PluginAddress> find(const std::string& name) const;
    std::set<std::string> names() const;

 private:
    PluginFolders folders_;
};

}  // namespace berth::plugins
