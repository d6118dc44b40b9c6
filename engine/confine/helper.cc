#include "engine/confine/helper.h"

#include <iterator>

#include "engine/confine/owner.h"

namespace berth::confine {

std::vector<std::string> helper_command(const HelperOptions& options, std::vector<std::string> task) {
    std::vector<std::string> out{options.path};
    if (!options.ids.empty()) out.push_back(std::string(kIdsWord) + options.ids.text());
    out.insert(out.end(), std::make_move_iterator(task.begin()), std::make_move_iterator(task.end()));
    return out;
}

}  // namespace berth::confine
