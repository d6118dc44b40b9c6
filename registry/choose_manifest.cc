#include "registry/choose_manifest.h"

#include <fmt/format.h>

#include <limits>

namespace berth::registry {

namespace {

bool describes_another(const oci::Descriptor& entry) {
    return !entry.artifact_type.empty() || entry.annotations.contains("vnd.docker.reference.type");
}

}  // namespace

Result<oci::Descriptor> choose_manifest(const oci::Index& index, const oci::Platform& wanted) {
    const oci::Descriptor* best = nullptr;
    int best_preference = std::numeric_limits<int>::max();
    for (const auto& entry : index.manifests) {
        if (describes_another(entry)) continue;
        // One without a platform may fit: it is taken when nothing else does.
        constexpr int kLast = std::numeric_limits<int>::max() - 1;
        const auto preference =
            entry.platform ? wanted.preference(*entry.platform) : std::optional<int>(kLast);
        if (!preference || *preference >= best_preference) continue;
        best = &entry;
        best_preference = *preference;
    }
    if (best != nullptr) return *best;
    return fail(
        ErrorKind::kNotFound,
        fmt::format("no matching manifest for {} in the manifest list entries: no match for platform in "
                    "manifest: not found",
                    wanted.text()));
}

}  // namespace berth::registry
