#pragma once

#include <string>

namespace berth::cli {

// Warns and asks on the terminal, or whatever standard input is: "y" is yes, all else is no.
bool confirmed(const std::string& warning);

}  // namespace berth::cli
