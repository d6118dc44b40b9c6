#pragma once

#include "engine/daemon/config.h"

namespace berth::daemon {

// Where the configuration is read from when no flag says: Berth's own file, Docker's where that is absent.
std::string default_config_file();

// Sets what the JSON in `text` says, but for what `config.flags` has set already: that is a conflict. Unknown
// keys come first, then conflicts, then values of the wrong type. Fills file_keys.
Result<> read_config_file(Config& config, std::string text);

}  // namespace berth::daemon
