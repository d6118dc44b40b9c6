#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "engine/container/core.h"
#include "engine/oci/runtime_spec.h"

// Health checks: what a container's says, and what comes of its probes. The shim runs them.
namespace berth::container {

// kInvalidArgument with Docker's words for a time that is too short, or negative retries.
Result<> check_health(const std::optional<types::HealthConfig>& health);
// The image's check (Docker's object as JSON text, or "") where the request has none, or leaves a part of it
// out.
Result<> merge_health(types::ContainerConfig& config, const std::string& image_json);
// Whether there is anything to probe.
bool has_probe(const Container& container);
// The probe as a task has it, a process like the container's own; nothing if there is none.
std::optional<supervisor::HealthSpec> health_spec(const Container& container, oci::Process process);

const char* health_text(supervisor::Health::Status status);
// As inspect shows it, and as it is kept.
nlohmann::json health_json(const supervisor::Health& health);
supervisor::Health parse_health(const nlohmann::json& object);

// After a probe, and after a daemon start: the container's state, and the event when it has changed.
void note_health(Core& core, const std::string& id, const supervisor::Health& health);

}  // namespace berth::container
