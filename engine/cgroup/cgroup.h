#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/cgroup/hierarchy.h"
#include "engine/oci/runtime_spec.h"

namespace berth::cgroup {

// One container's cgroup in every hierarchy of the host.
class Cgroup {
 public:
    // The folders that `path` ("/docker/ID", from each hierarchy's root) stands for; nothing is touched.
    static Result<Cgroup> at(const Layout& layout, const std::string& path);

    // Makes the folders, with the parents that are missing; on version 2 the controllers are enabled on the
    // way. kConflict when there are processes in one already. After an error those made are gone again.
    Result<> create();
    // Limits and device rules, in the order the kernel wants them. Errors read as runc's.
    Result<> apply(const oci::Resources& resources) const;
    Result<> join(pid_t pid) const;
    Result<std::vector<pid_t>> processes() const;  // of the whole subtree
    // SIGKILL to every process of the subtree; does not wait.
    Result<> kill_all() const;
    Result<> freeze(bool frozen) const;
    // Removes the folders and what is below them, once they are empty; tries again for a moment, since a
    // process that has been reaped leaves its cgroup a little later.
    Result<> remove() const;
    // Controller ("" for version 2) and folder of each.
    struct Folder {
        std::vector<std::string> controllers;
        std::string path, mount_point;
        bool unified = false;
    };
    const std::vector<Folder>& folders() const { return folders_; }
    bool unified_only() const { return unified_only_; }
    // Where a controller's files are ("" on version 2: all of them); "" if this host has none.
    std::string controller_folder(const std::string& controller) const;

 private:
    explicit Cgroup(std::vector<Folder> folders, bool unified_only)
        : folders_(std::move(folders)), unified_only_(unified_only) {}
    const Folder* folder_of(const std::string& controller) const;

    std::vector<Folder> folders_;
    bool unified_only_;
};

}  // namespace berth::cgroup
