#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "engine/base/result.h"

namespace berth::archive {

// One gzip member out of bytes as they come. The same bytes give the same member, however they are cut up.
class Gzip {
 public:
    using Put = std::function<Result<>(std::string_view compressed)>;

    // What is compressed goes to `put`.
    explicit Gzip(Put put);
    ~Gzip();
    Result<> write(std::string_view bytes);
    // The end of it.
    Result<> finish();

 private:
    struct State;
    Result<> deflate();

    Put put_;
    std::unique_ptr<State> state_;
};

}  // namespace berth::archive
