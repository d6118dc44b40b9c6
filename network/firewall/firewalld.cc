#include "network/firewall/firewalld.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/log.h"
#include "network/firewall/command.h"
#include "network/firewall/system_bus.h"

// https://firewalld.org/documentation/man-pages/firewalld.dbus.html
namespace berth::network {
namespace {

constexpr const char* kService = "org.fedoraproject.FirewallD1";
constexpr const char* kPath = "/org/fedoraproject/FirewallD1";
constexpr SystemBus::Target kFirewall{kService, kPath, kService};
constexpr SystemBus::Target kZones{kService, kPath, "org.fedoraproject.FirewallD1.zone"};
constexpr SystemBus::Target kConfig{kService, "/org/fedoraproject/FirewallD1/config",
                                    "org.fedoraproject.FirewallD1.config"};
constexpr const char* kZone = "docker";
constexpr int kPauseMs = 5000;  // before a bus that has gone is looked for again

bool same_netns(pid_t process) {
    struct stat ours{}, theirs{};
    return ::stat("/proc/self/ns/net", &ours) == 0 &&
           ::stat(fmt::format("/proc/{}/ns/net", process).c_str(), &theirs) == 0 &&
           ours.st_ino == theirs.st_ino;
}

// Whether it was made: true, or it is there: false.
Result<bool> added(Result<> answer) {
    if (answer) return true;
    if (answer.error().message.starts_with("NAME_CONFLICT")) return false;
    return Failure(std::move(answer.error()));
}

Result<> ready_zone(SystemBus& bus) {
    BERTH_TRY(const bool zone, added(bus.call(kConfig, "addZone2", kZone,
                                              {{"version", "1.0"},
                                               {"description", "zone for docker bridge network interfaces"},
                                               {"target", "ACCEPT"}})));
    BERTH_TRY(const bool policy, added(bus.call(kConfig, "addPolicy", "docker-forwarding",
                                                {{"version", "1.0"},
                                                 {"description", "allow forwarding to the docker zone"},
                                                 {"ingress_zones", std::vector<std::string>{"ANY"}},
                                                 {"egress_zones", std::vector<std::string>{kZone}},
                                                 {"target", "ACCEPT"}})));
    if (!zone && !policy) return {};
    return bus.call(kFirewall, "reload");
}

}  // namespace

std::unique_ptr<Firewalld> Firewalld::open(Renewed renewed) {
    if (!find_tool("firewalld")) return nullptr;
    UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
    if (!stop) return nullptr;
    return std::unique_ptr<Firewalld>(new Firewalld(std::move(stop), std::move(renewed)));
}

Firewalld::Firewalld(UniqueFd stop, Renewed renewed) : stop_(std::move(stop)), renewed_(std::move(renewed)) {
    look();
    thread_ = std::thread([this] { run(); });
}

Firewalld::~Firewalld() {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
    thread_.join();
}

void Firewalld::look() {
    auto bus = SystemBus::open();
    const auto process = bus ? (*bus)->process_of(kService) : Result<pid_t>(Failure(bus.error()));
    running_ = process && same_netns(*process);
    if (!process) log::debug("no firewalld", {{"error", process.error().message}});
    if (!running_) return;
    if (auto ready = ready_zone(**bus); !ready)
        log::error("firewalld has no zone for containers", {{"error", ready.error().message}});
}

Result<> Firewalld::put(const std::string& bridge) {
    if (!running_) return {};
    BERTH_TRY(const auto bus, SystemBus::open());
    auto done = bus->call(kZones, "addInterface", {kZone, bridge});
    if (done || done.error().message.starts_with("ZONE_ALREADY_SET")) return {};
    if (done.error().message.starts_with("ZONE_CONFLICT")) {
        log::info("a bridge stays in another zone of firewalld", {{"error", done.error().message}});
        return {};
    }
    return in(fmt::format("add {} to firewalld's zone {}", bridge, kZone), std::move(done));
}

Result<> Firewalld::take(const std::string& bridge) {
    if (!running_) return {};
    BERTH_TRY(const auto bus, SystemBus::open());
    auto done = bus->call(kZones, "removeInterface", {kZone, bridge});
    if (done || done.error().message.starts_with("UNKNOWN_INTERFACE") ||
        done.error().message.starts_with("ZONE_CONFLICT"))
        return {};
    return in(fmt::format("remove {} from firewalld's zone {}", bridge, kZone), std::move(done));
}

void Firewalld::run() {
    while (listen()) {
        pollfd stop{.fd = stop_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&stop, 1, kPauseMs) > 0) return;
    }
}

bool Firewalld::listen() {
    auto opened = SystemBus::open();
    if (!opened) return opened.error().kind != ErrorKind::kUnavailable;
    auto& bus = **opened;
    bool started = false, loaded = false;
    for (const auto& [match, heard] :
         {std::pair{fmt::format("type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                                "arg0='{}'",
                                kService),
                    &started},
          std::pair{fmt::format("type='signal',sender='{0}',interface='{0}',path='{1}',member='Reloaded'",
                                kService, kPath),
                    &loaded}})
        if (!bus.listen(match, [heard = heard] { *heard = true; })) return true;
    pollfd fds[] = {{.fd = bus.fd(), .events = POLLIN, .revents = 0},
                    {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
    // What has happened since it was last looked at.
    if (const bool before = running_; look(), running_ && !before) renewed_(*this);
    while (bus.process()) {
        if (started) look();
        if ((started || loaded) && running_) renewed_(*this);
        started = loaded = false;
        if (::poll(fds, 2, -1) < 0 && errno != EINTR) return false;
        if (fds[1].revents) return false;
    }
    return true;
}

}  // namespace berth::network
