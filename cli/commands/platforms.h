#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::cli {

// What `--platform` becomes in a request: "&KEY=…" for each, as the JSON object that the API takes. Each of
// `texts` is "os/arch[/variant]" or several with commas between.
Result<std::string> platform_query(const std::vector<std::string>& texts,
                                   const std::string& key = "platform");
// The same for an option that takes one; "" for none.
Result<std::string> platform_query(const std::string& text);

}  // namespace berth::cli
