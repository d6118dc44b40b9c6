#pragma once

#include <functional>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/plugins/plugin_call.h"
#include "volumes/driver.h"
#include "volumes/folders.h"

namespace berth::volumes {

// A driver in another process, by Docker's plugin protocol (VolumeDriver.*). The engine keeps a record of the
// volumes it has made there, beside those of its own.
class PluginDriver final : public VolumeDriver {
 public:
    // `address` is asked at each call: a plugin that was restarted may lie elsewhere.
    using Address = std::function<Result<plugins::PluginAddress>()>;
    PluginDriver(Folders& folders, std::string name, Address address, plugins::PluginCall call)
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
    Result<std::string> exchange(const char* method, const nlohmann::json& body);
    Result<nlohmann::json> call(const char* method, const nlohmann::json& body);
    Volume volume_of(const nlohmann::json& from) const;

    Folders& folders_;
    std::string name_;
    Address address_;
    plugins::PluginCall call_;
    std::string scope_ = "local";
};

}  // namespace berth::volumes
