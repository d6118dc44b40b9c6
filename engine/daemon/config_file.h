#pragma once

#include "engine/daemon/config.h"

namespace berth::daemon {

// Where the configuration is read from when no flag says: Berth's own file, Docker's where that is absent.
std::string default_config_file();

// Sets what the JSON in `text` says, but for what is one of `said.flags`: that is a conflict (`said` is
// `config` itself but for a reload). Unknown keys come first, then conflicts, then values of the wrong type.
// Fills file_keys.
Result<> read_config_file(Config& config, std::string text, const Config& said);

}  // namespace berth::daemon
