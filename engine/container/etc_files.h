#pragma once

#include <string>

#include "engine/container/core.h"

namespace berth::container {

// The files that a container sees as /etc/hostname, /etc/hosts and /etc/resolv.conf, made new at every start
// in its folder in the data root.
struct EtcFiles {
    std::string hostname, hosts, resolv_conf;  // paths on the host
};
EtcFiles etc_files(const Core& core, const std::string& id);

// Blocking. In another container's network its files are used instead, and nothing is written.
// `more`: lines for hosts, before the container's own.
Result<> write_etc_files(const Core& core, const Container& container, const network::Sandbox& sandbox,
                         const std::string& more = {});

// After the sandbox of a running container has changed from `before` to `after`: its own lines in hosts, and
// resolv.conf unless somebody has edited it. In place, since the container has the files mounted.
Result<> update_etc_files(const Core& core, const Container& container, const network::Sandbox& before,
                          const network::Sandbox& after);

}  // namespace berth::container
