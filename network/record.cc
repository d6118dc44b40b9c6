#include "network/record.h"

#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/base/log.h"

namespace berth::network {
namespace {

using nlohmann::json;

json encode(const Record& record) {
    const auto& sandbox = record.sandbox;
    const auto& endpoint = sandbox.endpoints.at(0);
    json ports = json::array();
    for (const auto& port : sandbox.ports)
        ports.push_back({{"protocol", port.protocol},
                         {"host_ip", port.host_ip},
                         {"host_port", port.host_port},
                         {"container_port", port.container_port}});
    return {{"version", 1},
            {"container", record.container},
            {"name", endpoint.container_name},
            {"network", endpoint.network_name},
            {"sandbox", sandbox.id},
            {"key", sandbox.key},
            {"veth", record.veth},
            {"endpoint",
             {{"id", endpoint.endpoint_id},
              {"ip", endpoint.ip_address},
              {"prefix", endpoint.prefix_length},
              {"gateway", endpoint.gateway},
              {"mac", endpoint.mac_address}}},
            {"ports", std::move(ports)}};
}

Record decode(const json& object) {
    Record record;
    record.container = object.at("container");
    record.veth = object.at("veth");
    record.sandbox.id = object.at("sandbox");
    record.sandbox.key = object.at("key");
    Endpoint endpoint;
    endpoint.network_name = object.at("network");
    endpoint.container_name = object.at("name");
    const auto& address = object.at("endpoint");
    endpoint.endpoint_id = address.at("id");
    endpoint.ip_address = address.at("ip");
    endpoint.prefix_length = address.at("prefix");
    endpoint.gateway = address.at("gateway");
    endpoint.mac_address = address.at("mac");
    record.sandbox.endpoints.push_back(std::move(endpoint));
    for (const auto& port : object.at("ports")) {
        PortBinding binding;
        binding.protocol = port.at("protocol");
        binding.host_ip = port.at("host_ip");
        binding.host_port = port.at("host_port");
        binding.container_port = port.at("container_port");
        record.sandbox.ports.push_back(std::move(binding));
    }
    return record;
}

}  // namespace

Result<> RecordStore::write(const Record& record) {
    return in("record network sandbox",
              replace_file(path(record.container), encode(record).dump(), 0600, Sync::kNone));
}

Result<> RecordStore::remove(const std::string& container) {
    if (::unlink(path(container).c_str()) != 0 && errno != ENOENT)
        return fail_errno("remove " + path(container));
    return {};
}

Result<std::vector<Record>> RecordStore::read_all() {
    std::vector<Record> records;
    BERTH_TRY(auto names, list_folder(folder_));
    for (const auto& name : names) {
        if (!name.ends_with(".json")) continue;
        auto text = read_file(folder_ + "/" + name);
        if (!text) return Failure(std::move(text.error()));
        try {
            records.push_back(decode(json::parse(*text)));
        } catch (const json::exception& error) {
            log::error("damaged network record", {{"file", name}, {"error", error.what()}});
        }
    }
    return records;
}

}  // namespace berth::network
