#pragma once

#include <memory>

#include "engine/archive/byte_source.h"

// What is in compressed bytes: any number of members, frames or streams one after another. Memory is bounded;
// the errors are those of decompress().
namespace berth::archive {

std::unique_ptr<ByteSource> gunzip(std::unique_ptr<ByteSource> inner);
std::unique_ptr<ByteSource> unzstd(std::unique_ptr<ByteSource> inner);
std::unique_ptr<ByteSource> unbzip2(std::unique_ptr<ByteSource> inner);
std::unique_ptr<ByteSource> unxz(std::unique_ptr<ByteSource> inner);

}  // namespace berth::archive
