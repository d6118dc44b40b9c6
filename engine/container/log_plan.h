#pragma once

#include "engine/container/core.h"
#include "engine/logs/log_driver.h"

namespace berth::container {

// The log of a container as its shim is to keep it: labels, variables and the tag looked up.
Result<logs::LogPlan> log_plan(const Core& core, const Container& container);

// Options that only a container can answer: "tag" is a template of Go's over dockerd's logger.Info,
// "labels-regex" and "env-regex" are regular expressions of Go's (RE2). For POST /containers/create.
Result<> check_log_templates(const types::LogConfig& log);

}  // namespace berth::container
