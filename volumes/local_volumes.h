#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "volumes/folders.h"
#include "volumes/volume_store.h"

namespace berth::volumes {

// VolumeService over folders and rows. Changes come one after another (`changing_`) and may wait for the
// disk; readers only meet `reading_`, which is never held over anything that waits.
class LocalVolumes final : public VolumeService {
 public:
    LocalVolumes(Folders folders, VolumeStore store, TreeCopy copy_tree, events::EventSink& events);
    Result<> load();

    Result<Volume> create(std::string name, std::string driver, std::map<std::string, std::string> options,
                          std::map<std::string, std::string> labels) override;
    Result<Volume> inspect(const std::string& name) override;
    Result<std::vector<Volume>> list() override;
    Result<> remove(const std::string& name, bool force) override;
    Result<Volume> acquire(const std::string& name, const std::string& container) override;
    Result<> release(const std::string& container) override;
    std::vector<std::string> users(const std::string& name) override;
    Result<> copy_up(const std::string& name, int root_fd, const std::string& target) override;

 private:
    // With `changing_` held.
    Result<Volume> make(std::string name, std::map<std::string, std::string> labels);
    Result<> destroy(const Volume& volume);
    std::optional<Volume> find(const std::string& name);
    void publish(std::string action, const std::string& name, std::map<std::string, std::string> attributes);

    Folders folders_;
    VolumeStore store_;
    TreeCopy copy_tree_;
    events::EventSink& events_;
    std::mutex changing_, reading_;
    std::map<std::string, Volume> volumes_;
    Users users_;
    // Volumes that are being filled, each by one thread.
    std::set<std::string> filling_;
    std::condition_variable filled_;
};

}  // namespace berth::volumes
