#include "network/firewall/system_bus.h"

#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "network/firewall/shared_library.h"

namespace berth::network {
namespace {

// firewalld answers a reload when all is in place again.
constexpr std::uint64_t kTimeoutUs = 20'000'000;

constexpr const char* kDefaultSocket = "/run/dbus/system_bus_socket";
constexpr SystemBus::Target kBus{"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"};

Failure trouble(const char* what, int error) {
    return fail_errno(what, -error);
}

}  // namespace

struct SystemBus::Library {
    decltype(sd_bus_open_system)* open = nullptr;
    decltype(sd_bus_flush_close_unref)* close = nullptr;
    decltype(sd_bus_message_new_method_call)* make = nullptr;
    decltype(sd_bus_message_unref)* drop = nullptr;
    decltype(sd_bus_message_append)* append = nullptr;
    decltype(sd_bus_message_open_container)* begin = nullptr;
    decltype(sd_bus_message_close_container)* end = nullptr;
    decltype(sd_bus_message_read)* read = nullptr;
    decltype(sd_bus_call)* call = nullptr;
    decltype(sd_bus_error_free)* free_error = nullptr;
    decltype(sd_bus_add_match)* match = nullptr;
    decltype(sd_bus_get_fd)* get_fd = nullptr;
    decltype(sd_bus_process)* process = nullptr;

    bool load() {
        void* handle = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
        return handle && find_function(handle, "sd_bus_open_system", open) &&
               find_function(handle, "sd_bus_flush_close_unref", close) &&
               find_function(handle, "sd_bus_message_new_method_call", make) &&
               find_function(handle, "sd_bus_message_unref", drop) &&
               find_function(handle, "sd_bus_message_append", append) &&
               find_function(handle, "sd_bus_message_open_container", begin) &&
               find_function(handle, "sd_bus_message_close_container", end) &&
               find_function(handle, "sd_bus_message_read", read) &&
               find_function(handle, "sd_bus_call", call) &&
               find_function(handle, "sd_bus_error_free", free_error) &&
               find_function(handle, "sd_bus_add_match", match) &&
               find_function(handle, "sd_bus_get_fd", get_fd) &&
               find_function(handle, "sd_bus_process", process);
    }
};

SystemBus::SystemBus(std::shared_ptr<const Library> library, sd_bus* bus)
    : library_(std::move(library)), bus_(bus) {}

SystemBus::~SystemBus() {
    library_->close(bus_);
}

Result<std::unique_ptr<SystemBus>> SystemBus::open() {
    // The library and what it needs are a megabyte, for nothing where no bus is.
    if (!::secure_getenv("DBUS_SYSTEM_BUS_ADDRESS") && ::access(kDefaultSocket, F_OK) != 0)
        return fail(ErrorKind::kUnavailable, "there is no system bus");
    auto library = std::make_shared<Library>();
    if (!library->load()) return fail(ErrorKind::kUnavailable, "libsystemd is not installed");
    sd_bus* bus = nullptr;
    if (const int opened = library->open(&bus); opened < 0)
        return trouble("connect to the system bus", opened);
    return std::unique_ptr<SystemBus>(new SystemBus(std::move(library), bus));
}

sd_bus_message* SystemBus::message(const Target& target, const char* method) {
    sd_bus_message* made = nullptr;
    return library_->make(bus_, &made, target.service, target.path, target.interface, method) < 0 ? nullptr
                                                                                                  : made;
}

// Takes the message.
Result<> SystemBus::send(sd_bus_message* message, const std::function<Result<>(sd_bus_message*)>& read) {
    if (!message) return fail(ErrorKind::kInternal, "no message for the system bus");
    sd_bus_error refusal = SD_BUS_ERROR_NULL;
    sd_bus_message* answer = nullptr;
    const int called = library_->call(bus_, message, kTimeoutUs, &refusal, &answer);
    library_->drop(message);
    Result<> result;
    if (called < 0 && refusal.message)
        result = fail(ErrorKind::kInternal, refusal.message);
    else if (called < 0)
        result = trouble("call over the system bus", called);
    else if (read)
        result = read(answer);
    library_->drop(answer);
    library_->free_error(&refusal);
    return result;
}

Result<> SystemBus::call(const Target& target, const char* method,
                         const std::vector<std::string>& arguments) {
    auto* asked = message(target, method);
    for (const auto& argument : arguments)
        if (asked) library_->append(asked, "s", argument.c_str());
    return send(asked);
}

Result<> SystemBus::call(const Target& target, const char* method, const std::string& name,
                         const Settings& settings) {
    auto* asked = message(target, method);
    if (!asked) return send(asked);
    library_->append(asked, "s", name.c_str());
    library_->begin(asked, 'a', "{sv}");
    for (const auto& [key, value] : settings) {
        if (const auto* text = std::get_if<std::string>(&value)) {
            library_->append(asked, "{sv}", key, "s", text->c_str());
            continue;
        }
        library_->begin(asked, 'e', "sv");
        library_->append(asked, "s", key);
        library_->begin(asked, 'v', "as");
        library_->begin(asked, 'a', "s");
        for (const auto& item : std::get<std::vector<std::string>>(value))
            library_->append(asked, "s", item.c_str());
        for (int depth = 0; depth < 3; ++depth) library_->end(asked);
    }
    library_->end(asked);
    return send(asked);
}

Result<pid_t> SystemBus::process_of(const std::string& service) {
    std::uint32_t process = 0;
    auto* asked = message(kBus, "GetConnectionUnixProcessID");
    if (asked) library_->append(asked, "s", service.c_str());
    BERTH_CHECK(send(asked, [&](sd_bus_message* answer) -> Result<> {
        const int got = library_->read(answer, "u", &process);
        return got < 0 ? Result<>(trouble("read an answer of the system bus", got)) : Result<>();
    }));
    return static_cast<pid_t>(process);
}

int SystemBus::hear(sd_bus_message*, void* heard, void*) {
    (*static_cast<std::function<void()>*>(heard))();
    return 0;
}

Result<> SystemBus::listen(const std::string& match, std::function<void()> heard) {
    ears_.push_back(std::make_unique<std::function<void()>>(std::move(heard)));
    const auto callback = [](sd_bus_message* message, void* ear, sd_bus_error* error) {
        return hear(message, ear, error);
    };
    const int added = library_->match(bus_, nullptr, match.c_str(), callback, ears_.back().get());
    return added < 0 ? Result<>(trouble("listen to the system bus", added)) : Result<>();
}

int SystemBus::fd() const {
    return library_->get_fd(bus_);
}

Result<> SystemBus::process() {
    for (;;) {
        const int done = library_->process(bus_, nullptr);
        if (done < 0) return trouble("hear the system bus", done);
        if (done == 0) return {};
    }
}

}  // namespace berth::network
