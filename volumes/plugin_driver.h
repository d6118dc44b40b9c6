#pragma once

#include <functional>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "volumes/driver.h"
#include "volumes/folders.h"
#include "volumes/plugin_call.h"

namespace berth::volumes {

// A driver in another process, by Docker's plugin protocol (VolumeDriver.*). The engine keeps a record of the
// volumes it has made there, beside those of its own.
class PluginDriver final : public VolumeDriver {
 public:
    // `address` is asked at each call: a plugin that was restarted may lie elsewhere.
    using Address = std::function<Result<std::string>()>;
    PluginDriver(Folders& folders, std::string name, Address address, PluginCall call)
        : folders_(folders), name_(std::move(name)), address_(std::move(address)), call_(std::move(call)) {}

    // Says hello: kNotFound if it is no VolumeDriver. Once, before anything else.
    Result<> activate();
    Result<std::vector<Volume>> list();
    Result<Volume> get(const std::string& volume);

    Result<> create(Volume& volume) override;
    Result<> remove(const Volume& volume) override;
    Result<> refresh(Volume& volume) override;
    bool needs_mount(const Volume&) override { return true; }
    Result<std::string> mount(const Volume& volume, const std::string& user) override;
    Result<> unmount(const Volume& volume, const std::string& user, bool last) override;

 private:
    Result<nlohmann::json> call(const char* method, const nlohmann::json& body);
    Volume volume_of(const nlohmann::json& from) const;

    Folders& folders_;
    std::string name_;
    Address address_;
    PluginCall call_;
    std::string scope_ = "local";
};

}  // namespace berth::volumes
