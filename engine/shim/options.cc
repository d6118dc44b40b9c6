#include "engine/shim/options.h"

namespace berth::shim {

Result<ShimOptions> parse_options(int argc, char** argv) {
    ShimOptions options;
    for (int i = 1; i < argc; ++i) {
        std::string_view name = argv[i];
        std::string* value = name == "--id"       ? &options.id
                             : name == "--bundle" ? &options.bundle
                             : name == "--reap"   ? &options.reap_reason
                                                  : nullptr;
        if (name == "--version") {
            options.version = true;
            continue;
        }
        if (value == nullptr || i + 1 == argc) {
            return fail(ErrorKind::kInvalidArgument, "unknown or incomplete option " + std::string(name));
        }
        *value = argv[++i];
    }
    if (!options.version && options.bundle.empty())
        return fail(ErrorKind::kInvalidArgument, "--bundle is missing");
    return options;
}

}  // namespace berth::shim
