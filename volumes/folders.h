#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/base/id_maps.h"
#include "engine/base/result.h"
#include "volumes/volume_service.h"

namespace berth::volumes {

// The folders of all volumes; README.md draws them. Calls for different volumes may come at once.
class Folders {
 public:
    // Makes the root and sweeps what a crash left half done.
    // `owner`: of what new volumes hold.
    static Result<Folders> open(std::string root, Owner owner);

    const std::string& root() const { return root_; }
    std::string folder(const std::string& name) const { return root_ + "/" + name; }
    std::string mountpoint(const std::string& name) const { return folder(name) + "/_data"; }
    // Every volume whose record can be read; others are logged and left alone.
    Result<std::vector<Volume>> load() const;
    // On disk when it returns; with a folder for contents, which `prepare` sees before anybody else, or for
    // the record alone. kConflict if the name is taken by a folder that is no volume.
    using Prepare = std::function<Result<>(const std::string& contents)>;
    Result<> add(const Volume& volume, bool with_contents, const Prepare& prepare = {});
    // Takes the folder away from its name, on disk when it returns, and then deletes it.
    Result<> remove(const std::string& name);

 private:
    Folders(std::string root, Owner owner) : root_(std::move(root)), owner_(owner) {}
    std::string root_;
    Owner owner_;
};

}  // namespace berth::volumes
