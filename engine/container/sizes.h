#pragma once

#include <cstdint>
#include <string>

#include "engine/container/core.h"

namespace berth::container {

// Bytes of a container's files: those it wrote itself, and all that its root shows, volumes left out.
struct Sizes {
    std::uint64_t writable = 0, total = 0;

    // ,"SizeRw":1,"SizeRootFs":2
    std::string members() const;
};
// Blocking: walks the writable layer.
Result<Sizes> container_sizes(const Core& core, const Container& container);

}  // namespace berth::container
