#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/result.h"

struct sd_bus;
struct sd_bus_message;

namespace berth::network {

// A connection to the system's D-Bus, by libsystemd, which is loaded when it is first wanted. One thread at a
// time. What a service refuses is an Error whose message begins with the service's own words.
class SystemBus {
 public:
    struct Target {
        const char *service, *path, *interface;
    };
    // a{sv}, of texts and lists of texts.
    using Settings = std::vector<std::pair<const char*, std::variant<std::string, std::vector<std::string>>>>;

    // kUnavailable without the library or a bus.
    static Result<std::unique_ptr<SystemBus>> open();
    ~SystemBus();
    SystemBus(const SystemBus&) = delete;
    SystemBus& operator=(const SystemBus&) = delete;

    // What a method answers is dropped.
    Result<> call(const Target& target, const char* method, const std::vector<std::string>& arguments = {});
    Result<> call(const Target& target, const char* method, const std::string& name,
                  const Settings& settings);
    // The process that owns a name; an error when nobody does.
    Result<pid_t> process_of(const std::string& service);

    // `heard` runs within process(). The bus keeps it.
    Result<> listen(const std::string& match, std::function<void()> heard);
    // To be polled for POLLIN; process() then takes what has come. An error: the connection is over.
    int fd() const;
    Result<> process();

 private:
    struct Library;
    SystemBus(std::shared_ptr<const Library> library, sd_bus* bus);
    Result<> send(sd_bus_message* message, const std::function<Result<>(sd_bus_message*)>& read = {});
    // A message that is on its way out, or null.
    sd_bus_message* message(const Target& target, const char* method);
    static int hear(sd_bus_message* message, void* heard, void* error);

    std::shared_ptr<const Library> library_;
    sd_bus* bus_;
    std::vector<std::unique_ptr<std::function<void()>>> ears_;
};

}  // namespace berth::network
