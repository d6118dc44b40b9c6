#pragma once

#include "engine/api/router.h"
#include "engine/container/container_services.h"

// A container route's query and body as what the container's faces take.
namespace berth::api {

Result<container::CreateRequest> create_request(const http::Query& query, nlohmann::json body);
Result<container::ListOptions> list_options(const http::Query& query);
Result<container::StopOptions> stop_options(const http::Query& query);
Result<container::WaitCondition> wait_condition(const http::Query& query);
Result<container::LogRequest> log_request(const http::Query& query);
container::AttachRequest attach_request(const http::Query& query);

struct TerminalSize {
    std::uint16_t rows = 0, columns = 0;
};
Result<TerminalSize> terminal_size(const http::Query& query);

}  // namespace berth::api
