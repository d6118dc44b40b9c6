#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::cli {

struct PublishedPort {
    std::string container;  // "80/tcp"
    std::string host_ip, host_port;
};

// "-p [IP:][HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTOCOL]". Errors are docker's: "invalid containerPort: x".
Result<std::vector<PublishedPort>> published_ports(const std::string& text);
// "--expose PORT[-PORT][/PROTOCOL]" as "80/tcp".
Result<std::vector<std::string>> exposed_ports(const std::string& text);

}  // namespace berth::cli
