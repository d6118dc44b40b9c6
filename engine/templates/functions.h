#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/templates/template.h"

namespace berth::templates {

bool is_template_function(std::string_view name);
Result<Json> call_template_function(std::string_view name, std::vector<Json> arguments);

// Go's truth: false, 0, "", null and what is empty are false.
bool truth(const Json& value);
// Go's %v: "[a b]", "map[k:v]", "<no value>".
std::string printed(const Json& value);

}  // namespace berth::templates
