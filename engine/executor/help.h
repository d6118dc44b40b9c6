#pragma once

#include <string>

#include "engine/executor/options.h"

namespace berth::executor {

// Called by runc's name it is runc, to whoever asks.
std::string own_name(const char* path);
std::string version_text(const std::string& name);
// Of the program, and of one command ("" if there is none of that name), laid out as runc's.
std::string usage_text(const std::string& name);
std::string command_usage(const std::string& name, const std::string& command);

}  // namespace berth::executor
