#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <unordered_map>

#include "engine/base/unique_fd.h"
#include "network/names/names_file.h"

namespace berth::netd {

// The files of STATE/names, read when they have changed. The pointers are good until the next call.
class NamesFolder {
 public:
    explicit NamesFolder(UniqueFd folder) : folder_(std::move(folder)) {}
    const network::NetworkNames* network(const std::string& id);
    const network::SandboxNames* sandbox(const std::string& container);

 private:
    template <class Names>
    struct Cached {
        ino_t inode = 0;
        timespec changed{};
        std::optional<Names> names;
    };
    template <class Names>
    using Cache = std::unordered_map<std::string, Cached<Names>>;
    template <class Names>
    const Names* read(Cache<Names>& cache, const std::string& file,
                      std::optional<Names> (*parse)(std::string_view text));

    UniqueFd folder_;
    Cache<network::NetworkNames> networks_;
    Cache<network::SandboxNames> sandboxes_;
};

}  // namespace berth::netd
