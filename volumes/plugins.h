#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "volumes/plugin_driver.h"

namespace berth::volumes {

// The volume plugins of this host. They come and go: each is looked up when it is needed, and remembered once
// it has said that it is a VolumeDriver. Safe from any thread.
class Plugins {
 public:
    Plugins(Folders& folders, plugins::PluginFolders places, plugins::PluginCall call)
        : folders_(folders), directory_(std::move(places)), call_(std::move(call)) {}

    // kNotFound in Docker's words when there is none of that name. The driver lives as long as this object.
    Result<VolumeDriver*> find(const std::string& name);
    // All volumes that plugins have; a plugin that does not answer is left out and logged.
    std::vector<Volume> list();
    std::optional<Volume> find_volume(const std::string& name);

 private:
    std::vector<PluginDriver*> all();

    Folders& folders_;
    plugins::PluginDirectory directory_;
    plugins::PluginCall call_;
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<PluginDriver>> drivers_;
};

}  // namespace berth::volumes
