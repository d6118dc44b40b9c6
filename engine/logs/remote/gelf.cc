#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include "engine/logs/json_record.h"
#include "engine/logs/remote/remote_log.h"

namespace berth::logs {

namespace {

constexpr std::size_t kChunk = 1420, kChunkHead = 12, kMaxChunks = 128;
constexpr int kError = 3, kInfo = 6;

std::string deflated(const std::string& text, int level, bool gzip) {
    z_stream stream{};
    if (::deflateInit2(&stream, level, Z_DEFLATED, 15 + (gzip ? 16 : 0), 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return text;
    std::string out(::deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    return out;
}

// A message too long for a datagram, in datagrams: 0x1e 0x0f, an id of 8 bytes, number, count.
std::vector<std::string> chunked(const std::string& message) {
    if (message.size() <= kChunk) return {message};
    constexpr std::size_t kRoom = kChunk - kChunkHead;
    const std::size_t count = (message.size() + kRoom - 1) / kRoom;
    if (count > kMaxChunks) return {};
    const std::string id = random_hex(4);  // eight characters are eight bytes
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i) {
        std::string chunk = "\x1e\x0f" + id;
        chunk += static_cast<char>(i);
        chunk += static_cast<char>(count);
        out.push_back(chunk + message.substr(i * kRoom, kRoom));
    }
    return out;
}

class GelfEncoder final : public Encoder {
 public:
    explicit GelfEncoder(const LogPlan& plan) {
        auto option = [&](const char* key) {
            auto found = plan.options.find(key);
            return found == plan.options.end() ? std::string() : found->second;
        };
        datagrams_ = option("gelf-address").starts_with("udp");
        type_ = option("gelf-compression-type");
        const std::string level = option("gelf-compression-level");
        if (!level.empty()) level_ = std::stoi(level);
        char name[256] = "localhost";
        ::gethostname(name, sizeof name - 1);
        fields_ = plan.attributes;
        fields_["version"] = "1.1";
        fields_["host"] = name;
    }

    std::vector<std::string> encode(Stream stream, Timestamp time, std::string_view line,
                                    const Piece&) override {
        if (line.empty()) return {};
        fields_["short_message"] = line;
        std::string text = json_object(fields_);
        text.pop_back();
        const auto milliseconds = time.time_since_epoch().count() / 1'000'000;
        text +=
            fmt::format(",\"level\":{},\"timestamp\":{}.{:03}}}", stream == Stream::kStderr ? kError : kInfo,
                        milliseconds / 1000, milliseconds % 1000);
        if (!datagrams_) return {text + '\0'};
        if (type_ != "none") text = deflated(text, level_, type_ != "zlib");
        return chunked(text);
    }

 private:
    Options fields_;
    std::string type_;
    bool datagrams_ = false;
    int level_ = Z_BEST_SPEED;
};

}  // namespace

std::unique_ptr<Encoder> make_gelf_encoder(const LogPlan& plan) {
    return std::make_unique<GelfEncoder>(plan);
}

}  // namespace berth::logs
