#include "cli/commands/confirm.h"

#include <unistd.h>

#include "cli/commands/command.h"

namespace berth::cli {

bool confirmed(const std::string& warning) {
    print("WARNING! " + warning + "\nAre you sure you want to continue? [y/N] ");
    std::string answer;
    for (char c = 0; ::read(0, &c, 1) == 1 && c != '\n';) answer += c;
    return answer == "y" || answer == "Y";
}

}  // namespace berth::cli
