#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/base/result.h"

// What single values must look like; each text is dockerd's. A check returns the value as it is kept.
namespace berth::daemon {

Failure invalid(std::string message);

Result<bool> parse_bool(const std::string& text);
Result<std::int64_t> parse_integer(const std::string& text, std::int64_t least, std::int64_t most);

Result<std::string> check_ip(const std::string& text);          // of a flag
Result<std::string> check_file_ip(const std::string& text);     // in daemon.json
Result<std::string> check_gateway_ip(const std::string& text);  // --host-gateway-ip
Result<std::string> check_dns_search(const std::string& text);
Result<std::string> check_host(const std::string& text);
Result<std::string> check_label(const std::string& text);
Result<std::string> check_mirror(const std::string& text);
Result<std::string> check_index_name(const std::string& text);
Result<std::string> check_generic_resource(const std::string& text);
bool is_ipv4(const std::string& text);
bool is_ipv6(const std::string& text);

// json: cannot unmarshal string into Go struct field Config.mtu of type int
Failure type_error(const nlohmann::json& value, const std::string& path, std::string_view type);
// The members of an object of texts.
Result<> read_strings(const nlohmann::json& object, const std::string& path,
                      std::map<std::string, std::string>& out);
Result<> read_strings(const nlohmann::json& array, const std::string& path, std::vector<std::string>& out);

// "map[a:1 b:2]"
std::string map_text(const std::map<std::string, std::string>& map);
std::string list_text(const std::vector<std::string>& list);

}  // namespace berth::daemon
