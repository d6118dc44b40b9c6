#include "engine/archive/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>

namespace berth::archive {
namespace {

std::string compressed(const std::string& bytes, std::size_t piece) {
    std::string out;
    Gzip gzip([&](std::string_view more) {
        out += more;
        return Result<>();
    });
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        EXPECT_TRUE(gzip.write(std::string_view(bytes).substr(at, piece)));
    EXPECT_TRUE(gzip.finish());
    return out;
}

// By the library that everybody else uses.
std::string inflated(std::string bytes, std::size_t size) {
    std::string out(size + 1, '\0');
    z_stream stream{};
    EXPECT_EQ(::inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    ::inflateEnd(&stream);
    return out;
}

TEST(GzipTest, OthersReadIt) {
    std::mt19937 dice(1);
    std::string mixed;
    while (mixed.size() < 3'000'000) {
        mixed += std::string(dice() % 5000, static_cast<char>(dice()));
        for (int i = 0; i < 700; ++i) mixed += static_cast<char>(dice());
    }
    for (const std::string& bytes : {std::string(), std::string("x"), std::string(256 << 10, 'a'), mixed}) {
        const std::string once = compressed(bytes, 1 << 20);
        EXPECT_EQ(inflated(once, bytes.size()), bytes);
        EXPECT_EQ(compressed(bytes, 4097), once);
    }
    EXPECT_LT(compressed(std::string(1 << 20, 'a'), 1 << 16).size(), 10'000u);
}

}  // namespace
}  // namespace berth::archive
