#include "engine/container/label_filter.h"

namespace berth::container {

namespace {

bool has_label(const std::map<std::string, std::string>& labels, const std::string& wanted) {
    auto equals = wanted.find('=');
    auto found = labels.find(wanted.substr(0, equals));
    if (found == labels.end()) return false;
    return equals == wanted.npos || found->second == wanted.substr(equals + 1);
}

}  // namespace

bool labels_match(const std::map<std::string, std::string>& labels, const Filters& filters) {
    if (auto all = filters.find("label"); all != filters.end()) {
        for (const auto& wanted : all->second) {
            if (!has_label(labels, wanted)) return false;
        }
    }
    if (auto none = filters.find("label!"); none != filters.end()) {
        for (const auto& unwanted : none->second) {
            if (has_label(labels, unwanted)) return false;
        }
    }
    return true;
}

}  // namespace berth::container
