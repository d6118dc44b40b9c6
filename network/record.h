#pragma once

#include <string>
#include <vector>

#include "network/network_service.h"

namespace berth::network {

// The intent record of one sandbox: STATE/network/CONTAINER_ID.json, written before the first kernel object
// is made and removed after the last one is gone. It names all of them, so that whoever finds it can adopt or
// undo them. Kernel objects die with the boot and so does the tmpfs it lies on: no fsync, no database.
//
//   {"version":1, "container":ID, "name":NAME, "network":"bridge", "sandbox":ID, "key":PATH, "veth":NAME,
//    "endpoint":{"id","ip","prefix","gateway","mac"},
//    "ports":[{"protocol","host_ip","host_port","container_port"}]}
struct Record {
    std::string container;
    std::string veth;  // the host's end; empty for "none"
    Sandbox sandbox;
};

class RecordStore {
 public:
    explicit RecordStore(std::string folder) : folder_(std::move(folder)) {}
    Result<> write(const Record& record);
    Result<> remove(const std::string& container);
    // A damaged record is logged and left out.
    Result<std::vector<Record>> read_all();

 private:
    std::string path(const std::string& container) const { return folder_ + "/" + container + ".json"; }
    std::string folder_;
};

}  // namespace berth::network
