#include "engine/confine/unpack.h"

#include <fcntl.h>

#include <cstdlib>

#include "engine/base/files.h"
#include "engine/confine/helper_process.h"

namespace berth::confine {

namespace {

Result<UnpackReport> report_of(Result<std::vector<Fields>> records) {
    if (!records) return Failure(std::move(records.error()));
    const Fields& done = records->back();
    BERTH_TRY(Digest digest, Digest::parse(done[1]));
    return UnpackReport{std::move(digest), std::strtoull(done[2].c_str(), nullptr, 10),
                        std::strtoull(done[3].c_str(), nullptr, 10)};
}

Result<HelperProcess> start_unpack(const HelperOptions& options, int input, const LayerTarget& target) {
    BERTH_TRY(UniqueFd folder, open_file(target.folder, O_RDONLY | O_DIRECTORY));
    std::vector<std::string> arguments{"unpack"};
    arguments.insert(arguments.end(), target.parents.begin(), target.parents.end());
    return HelperProcess::start(options, std::move(arguments), input, folder.get(), {});
}

class Unpacker : public LayerUnpacker {
 public:
    explicit Unpacker(HelperProcess helper) : helper_(std::move(helper)) {}
    Result<> write(std::string_view bytes) override { return helper_.feed(bytes); }
    Result<UnpackReport> finish() override { return report_of(helper_.finish()); }

 private:
    HelperProcess helper_;
};

}  // namespace

Result<LayerTarget> layer_target(const sys::Mount& active) {
    LayerTarget target;
    if (active.type == "bind") target.folder = active.source;
    for (const std::string& option : active.options) {
        constexpr std::string_view kUpper = "upperdir=", kLower = "lowerdir=";
        if (option.starts_with(kUpper)) target.folder = option.substr(kUpper.size());
        if (!option.starts_with(kLower)) continue;
        std::string_view rest = std::string_view(option).substr(kLower.size());
        while (!rest.empty()) {
            std::string_view one = rest.substr(0, rest.find(':'));
            rest.remove_prefix(std::min(rest.size(), one.size() + 1));
            if (!one.empty()) target.parents.emplace_back(one);
        }
    }
    if (target.folder.empty()) return fail(ErrorKind::kInternal, "a mount without a folder to write to");
    return target;
}

Result<std::unique_ptr<LayerUnpacker>> LayerUnpacker::start(HelperOptions options,
                                                            const LayerTarget& target) {
    BERTH_TRY(HelperProcess helper, start_unpack(options, -1, target));
    return std::unique_ptr<LayerUnpacker>(std::make_unique<Unpacker>(std::move(helper)));
}

Result<UnpackReport> unpack_layer(HelperOptions options, int input_fd, const LayerTarget& target) {
    BERTH_TRY(HelperProcess helper, start_unpack(options, input_fd, target));
    return report_of(helper.finish());
}

}  // namespace berth::confine
