#include "engine/events/filter.h"

#include <algorithm>
#include <string_view>

namespace berth::events {

namespace {

const std::set<std::string>* values_of(const Filter& filter, std::string_view name) {
    auto found = filter.find(name);
    return found == filter.end() || found->second.empty() ? nullptr : &found->second;
}

std::string attribute(const Event& event, const std::string& name) {
    auto found = event.attributes.find(name);
    return found == event.attributes.end() ? "" : found->second;
}

bool exact(const Filter& filter, std::string_view name, const std::string& value) {
    const auto* wanted = values_of(filter, name);
    return wanted == nullptr || wanted->count(value) > 0;
}

// A prefix will do: IDs are given short.
bool fuzzy(const Filter& filter, std::string_view name, const std::string& value) {
    const auto* wanted = values_of(filter, name);
    return wanted == nullptr || std::any_of(wanted->begin(), wanted->end(),
                                            [&](const auto& one) { return value.starts_with(one); });
}

// "exec_start: sh" is asked for as "exec_start".
bool matches_action(const Event& event, const Filter& filter) {
    const auto* wanted = values_of(filter, "event");
    if (wanted == nullptr) return true;
    for (const char* family : {"health_status", "exec_create", "exec_start"}) {
        if (wanted->count(family) > 0) return fuzzy(filter, "event", event.action);
    }
    return wanted->count(event.action) > 0;
}

std::string without_tag(const std::string& image) {
    auto cut = image.substr(0, image.find('@'));
    auto colon = cut.rfind(':');
    const bool is_tag = colon != std::string::npos && cut.find('/', colon) == std::string::npos;
    return is_tag ? cut.substr(0, colon) : cut;
}

bool matches_image(const Event& event, const Filter& filter) {
    if (values_of(filter, "image") == nullptr) return true;
    const std::string name = attribute(event, event.type == "image" ? "name" : "image");
    for (const auto& candidate : {event.actor_id, name, without_tag(event.actor_id), without_tag(name)}) {
        if (exact(filter, "image", candidate)) return true;
    }
    return false;
}

bool matches_labels(const Event& event, const Filter& filter) {
    const auto* wanted = values_of(filter, "label");
    if (wanted == nullptr) return true;
    return std::all_of(wanted->begin(), wanted->end(), [&](const std::string& label) {
        auto equals = label.find('=');
        auto found = event.attributes.find(label.substr(0, equals));
        if (found == event.attributes.end()) return false;
        return equals == std::string::npos || found->second == label.substr(equals + 1);
    });
}

}  // namespace

bool matches(const Event& event, const Filter& filter) {
    if (!matches_action(event, filter) || !exact(filter, "type", event.type) ||
        !exact(filter, "scope", event.scope)) {
        return false;
    }
    const std::string name = attribute(event, "name");
    for (const char* type :
         {"daemon", "container", "plugin", "volume", "network", "node", "service", "secret", "config"}) {
        if (!fuzzy(filter, type, event.actor_id) && !fuzzy(filter, type, name)) return false;
    }
    return matches_image(event, filter) && matches_labels(event, filter);
}

}  // namespace berth::events
