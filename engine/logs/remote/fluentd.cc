#include "engine/base/ids.h"
#include "engine/logs/driver_options.h"
#include "engine/logs/remote/remote_log.h"

namespace berth::logs {

namespace {

void put_number(std::string& out, std::uint64_t value, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

// MessagePack, as far as Fluentd's forward protocol needs it.
void put_text(std::string& out, std::string_view text) {
    if (text.size() < 32) {
        out += static_cast<char>(0xA0 | text.size());
    } else if (text.size() < 0x10000) {
        out += '\xDA';
        put_number(out, text.size(), 2);
    } else {
        out += '\xDB';
        put_number(out, text.size(), 4);
    }
    out += text;
}

void put_map(std::string& out, const Options& map) {
    out += '\xDE';
    put_number(out, map.size(), 2);
    for (const auto& [key, value] : map) {
        put_text(out, key);
        put_text(out, value);
    }
}

// [tag, time, record], for each record; with {"chunk": name} behind it if the server is to acknowledge it.
class FluentdEncoder final : public Encoder {
 public:
    explicit FluentdEncoder(const LogPlan& plan)
        : tag_(plan.tag),
          record_(plan.attributes),
          precise_(switched(plan.options, "fluentd-sub-second-precision").value_or(false)),
          acknowledged_(switched(plan.options, "fluentd-request-ack").value_or(false)) {}

    std::vector<std::string> encode(Stream stream, Timestamp time, std::string_view line,
                                    const Piece& piece) override {
        Options record = record_;
        record["source"] = stream == Stream::kStderr ? "stderr" : "stdout";
        record["log"] = line;
        if (!piece.id.empty()) {
            record["partial_message"] = "true";
            record["partial_id"] = piece.id;
            record["partial_ordinal"] = std::to_string(piece.ordinal);
            record["partial_last"] = piece.last ? "true" : "false";
        }
        const auto nanoseconds = static_cast<std::uint64_t>(time.time_since_epoch().count());
        std::string out = acknowledged_ ? "\x94" : "\x93";
        put_text(out, tag_);
        if (precise_) {
            out += "\xD7";  // an extension of eight bytes
            out += '\0';    // EventTime
            put_number(out, nanoseconds / 1'000'000'000, 4);
            put_number(out, nanoseconds % 1'000'000'000, 4);
        } else {
            out += '\xCE';
            put_number(out, nanoseconds / 1'000'000'000, 4);
        }
        put_map(out, record);
        if (acknowledged_) {
            chunk_ = random_hex(16);
            put_map(out, {{"chunk", chunk_}});
        }
        return {std::move(out)};
    }

    std::string answer() const override { return chunk_; }

 private:
    std::string tag_;
    Options record_;
    bool precise_, acknowledged_;
    std::string chunk_;  // the name of the last message, which the server says again
};

}  // namespace

std::unique_ptr<Encoder> make_fluentd_encoder(const LogPlan& plan) {
    return std::make_unique<FluentdEncoder>(plan);
}

}  // namespace berth::logs
