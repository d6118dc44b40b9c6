#include "engine/container/list_filters.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "engine/container/health.h"
#include "engine/container/label_filter.h"
#include "engine/container/ports.h"

namespace berth::container {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// The filters, checked and looked up once.
struct Selection {
    const Filters& filters;
    std::set<Status> statuses;
    std::set<int> exit_codes;
    std::vector<std::unique_ptr<re2::RE2>> names;
    std::set<std::string> images, ports_published, ports_exposed;
    Timestamp before = Timestamp::max(), since = kNever;
    bool none = false;

    const std::set<std::string>* values(const char* name) const {
        auto found = filters.find(name);
        return found == filters.end() ? nullptr : &found->second;
    }
};

Result<> read_state_filters(Selection& selection) {
    if (const auto* values = selection.values("status")) {
        for (const auto& text : *values) {
            auto status = parse_status(text);
            if (!status) {
                return bad("invalid filter 'status=" + text + "': invalid value for state (" + text +
                           "): must be one of created, running, paused, restarting, removing, exited, dead");
            }
            selection.statuses.insert(*status);
        }
    }
    if (const auto* values = selection.values("exited")) {
        for (const auto& text : *values) {
            int code = 0;
            auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
            if (error != std::errc() || end != text.data() + text.size())
                return bad("invalid filter 'exited=" + text + "': strconv.Atoi: parsing \"" + text +
                           "\": invalid syntax");
            selection.exit_codes.insert(code);
        }
    }
    if (const auto* values = selection.values("health")) {
        for (const auto& text : *values) {
            if (text == "none" || text == "starting" || text == "healthy" || text == "unhealthy") continue;
            return bad("invalid filter 'health=" + text + "': invalid value for health (" + text +
                       "): must be one of none, starting, healthy, unhealthy");
        }
    }
    if (const auto* values = selection.values("is-task")) {
        for (const auto& text : *values) {
            bool yes = text == "true" || text == "1";
            if (!yes && text != "false" && text != "0") return bad("invalid filter 'is-task=[" + text + "]'");
            if (yes) selection.none = true;
        }
    }
    return {};
}

Result<> read_reference_filters(Core& core, Selection& selection) {
    if (const auto* values = selection.values("before")) {
        for (const auto& ref : *values) {
            BERTH_TRY(auto other, core.store.find(ref));
            selection.before = std::min(selection.before, other->created_at);
        }
    }
    if (const auto* values = selection.values("since")) {
        for (const auto& ref : *values) {
            BERTH_TRY(auto other, core.store.find(ref));
            selection.since = std::max(selection.since, other->created_at);
        }
    }
    if (const auto* values = selection.values("name")) {
        for (const auto& text : *values) {
            auto pattern = std::make_unique<re2::RE2>(text, re2::RE2::Quiet);
            // As in dockerd, what is no expression is the whole name or nothing.
            if (!pattern->ok()) {
                pattern = std::make_unique<re2::RE2>("^" + re2::RE2::QuoteMeta(text) + "$", re2::RE2::Quiet);
            }
            selection.names.push_back(std::move(pattern));
        }
    }
    for (const char* name : {"publish", "expose"}) {
        const auto* values = selection.values(name);
        if (!values) continue;
        auto& wanted =
            std::string_view(name) == "publish" ? selection.ports_published : selection.ports_exposed;
        for (const auto& text : *values) {
            auto ports = parse_exposed(text);
            if (!ports) {
                return fail(ErrorKind::kInternal, std::string("error while looking up for ") + name + " " +
                                                      text + ": " + ports.error().message);
            }
            for (const auto& port : *ports) wanted.insert(std::to_string(port.port) + "/" + port.protocol);
        }
    }
    return {};
}

bool name_matches(const Selection& selection, const Container& container) {
    if (selection.names.empty()) return true;
    return std::any_of(selection.names.begin(), selection.names.end(), [&](const auto& pattern) {
        return re2::RE2::PartialMatch(container.name, *pattern) ||
               re2::RE2::PartialMatch("/" + container.name, *pattern);
    });
}

bool mount_matches(const Selection& selection, const Container& container) {
    const auto* values = selection.values("volume");
    if (!values) return true;
    return std::any_of(container.mounts.begin(), container.mounts.end(), [&](const MountPoint& mount) {
        return values->contains(mount.destination) || (!mount.name.empty() && values->contains(mount.name)) ||
               (mount.type == "bind" && values->contains(mount.source));
    });
}

bool network_matches(Core& core, const Selection& selection, const Container& container) {
    const auto* values = selection.values("network");
    if (!values) return true;
    if (values->contains(container.network)) return true;
    for (const auto& [name, request] : container.endpoints) {
        if (values->contains(name)) return true;
        auto network = core.parts.networks.inspect(name);
        if (network && std::any_of(values->begin(), values->end(), [&](const std::string& prefix) {
                return !prefix.empty() && network->id.starts_with(prefix);
            }))
            return true;
    }
    return false;
}

// By the host's port, which only a running container has.
bool is_published(const Core& core, const Selection& selection, const Container& container) {
    auto sandbox = container.state.live() ? core.parts.networks.find(container.id) : std::nullopt;
    if (!sandbox) return false;
    return std::any_of(sandbox->ports.begin(), sandbox->ports.end(), [&](const network::PortBinding& port) {
        return selection.ports_published.contains(std::to_string(port.host_port) + "/" + port.protocol);
    });
}

bool port_matches(const Core& core, const Selection& selection, const Container& container) {
    const auto& exposed = container.config.exposed_ports;
    auto in_exposed = [&](const std::string& port) { return exposed.contains(port); };
    if (!selection.ports_exposed.empty() &&
        std::none_of(selection.ports_exposed.begin(), selection.ports_exposed.end(), in_exposed)) {
        return false;
    }
    return selection.ports_published.empty() || is_published(core, selection, container);
}

bool matches(Core& core, const Selection& selection, const Container& container) {
    const State& state = container.state;
    if (selection.none) return false;
    if (!selection.statuses.empty() && !selection.statuses.contains(state.status)) return false;
    if (const auto* wanted = selection.values("health")) {
        if (!wanted->contains(state.health ? health_text(state.health->status) : "none")) return false;
    }
    if (!selection.exit_codes.empty() &&
        (state.live() || state.started_at == kNever || !selection.exit_codes.contains(state.exit_code))) {
        return false;
    }
    if (container.created_at >= selection.before || container.created_at <= selection.since) return false;
    if (const auto* ids = selection.values("id")) {
        auto same = [&](const std::string& prefix) { return container.id.starts_with(prefix); };
        if (std::none_of(ids->begin(), ids->end(), same)) return false;
    }
    if (selection.values("ancestor") && !selection.images.contains(container.image_id) &&
        !selection.images.contains(container.config.image)) {
        return false;
    }
    return name_matches(selection, container) && labels_match(container.config.labels, selection.filters) &&
           mount_matches(selection, container) && network_matches(core, selection, container) &&
           port_matches(core, selection, container);
}

}  // namespace

std::set<std::string> ancestor_images(const Core& core, const Filters& filters) {
    std::set<std::string> out;
    auto found = filters.find("ancestor");
    if (found == filters.end()) return out;
    for (const auto& text : found->second) {
        out.insert(text);
        if (auto image = core.parts.images.resolve(text)) out.insert(image->id.text());
    }
    return out;
}

Result<std::vector<ContainerPtr>> select_containers(Core& core, const ListOptions& options,
                                                    std::set<std::string> ancestors) {
    Selection selection{.filters = options.filters};
    selection.images = std::move(ancestors);
    BERTH_CHECK(read_state_filters(selection));
    BERTH_CHECK(read_reference_filters(core, selection));
    // To ask for a status is to ask about stopped containers as well; a limit does so too.
    bool all = options.all || options.limit > 0 || selection.values("status");
    std::vector<ContainerPtr> chosen;
    for (const auto& container : core.store.list()) {
        bool shown = all || container->state.live() || container->state.status == Status::kRestarting;
        if (!shown || !matches(core, selection, *container)) continue;
        chosen.push_back(container);
        if (options.limit > 0 && static_cast<std::int64_t>(chosen.size()) == options.limit) break;
    }
    return chosen;
}

}  // namespace berth::container
