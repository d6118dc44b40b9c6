#include "engine/logs/remote/remote_log.h"

#include <limits>

#include "engine/base/size.h"

namespace berth::logs {

namespace {

class RemoteLog final : public LogDriver {
 public:
    RemoteLog(std::unique_ptr<Encoder> encoder, Outbox outbox)
        : encoder_(std::move(encoder)), outbox_(std::move(outbox)) {}

    Result<> connect() { return outbox_.connect(); }
    Result<> write(Stream stream, Timestamp time, std::string_view line, bool partial) override {
        Result<> trouble;
        for (auto& message : encoder_->encode(stream, time, line, pieces_.next(stream, partial))) {
            auto posted = outbox_.post(std::move(message), encoder_->answer());
            if (!posted) trouble = std::move(posted);
        }
        return trouble;
    }
    Result<> flush() override {
        auto delivered = outbox_.deliver();
        if (!delivered) return Failure(std::move(delivered.error()));
        return {};
    }
    std::uint64_t lost() const override { return outbox_.lost(); }
    bool behind() const override { return !outbox_.empty(); }

 private:
    std::unique_ptr<Encoder> encoder_;
    Outbox outbox_;
    PieceCounter pieces_;
};

using Milliseconds = std::chrono::milliseconds;

Result<Milliseconds> duration(const Options& options, const char* key, Milliseconds otherwise) {
    auto found = options.find(key);
    if (found == options.end() || found->second.empty()) return otherwise;
    BERTH_TRY(auto count, parse_duration(found->second));
    return Milliseconds(count);
}

constexpr std::int64_t kAnyNumber = std::numeric_limits<std::int32_t>::max();

Result<Outbox::Limits> fluentd_limits(const Options& options) {
    Outbox::Limits out;
    out.growth = 1.5;
    if (auto size = options.find("fluentd-buffer-limit"); size != options.end()) {
        BERTH_TRY(auto bytes, parse_size(size->second, SizeUnits::kBinary));
        out.bytes = static_cast<std::size_t>(bytes);
    }
    BERTH_TRY(out.retry, duration(options, "fluentd-retry-wait", out.retry));
    BERTH_TRY(auto attempts, number_option(options, "fluentd-max-retries", kAnyNumber, kAnyNumber));
    if (attempts < kAnyNumber) out.attempts = attempts;
    BERTH_TRY(auto sending, duration(options, "fluentd-write-timeout", Milliseconds(0)));
    if (sending.count() > 0) out.sending = sending;
    BERTH_TRY(const bool async, switched(options, "fluentd-async"));
    if (async) {
        BERTH_TRY(out.connection_age, duration(options, "fluentd-async-reconnect-interval", Milliseconds(0)));
    }
    return out;
}

// Without the options, messages wait for the server as long as there is room.
Result<Outbox::Limits> gelf_limits(const Options& options) {
    Outbox::Limits out;
    if (options.contains("gelf-tcp-max-reconnect")) {
        BERTH_TRY(out.attempts, number_option(options, "gelf-tcp-max-reconnect", 0, kAnyNumber));
    }
    BERTH_TRY(auto seconds, number_option(options, "gelf-tcp-reconnect-delay", 1, kAnyNumber));
    out.retry = std::chrono::seconds(seconds);
    return out;
}

}  // namespace

Result<std::unique_ptr<LogDriver>> open_remote_log(const LogPlan& plan) {
    BERTH_TRY(Address address, remote_address(plan.driver, plan.options));
    Outbox::Limits limits;
    bool at_once = address.scheme != "udp";
    std::unique_ptr<Encoder> encoder;
    if (plan.driver == "syslog") {
        encoder = make_syslog_encoder(plan);
    } else if (plan.driver == "gelf") {
        encoder = make_gelf_encoder(plan);
        BERTH_TRY(limits, gelf_limits(plan.options));
    } else {
        encoder = make_fluentd_encoder(plan);
        BERTH_TRY(limits, fluentd_limits(plan.options));
        BERTH_TRY(const bool async, switched(plan.options, "fluentd-async"));
        at_once = !async;
    }
    Outbox outbox(std::move(address), tls_files(plan.options), limits);
    auto log = std::make_unique<RemoteLog>(std::move(encoder), std::move(outbox));
    if (at_once) BERTH_CHECK(log->connect());
    return std::unique_ptr<LogDriver>(std::move(log));
}

}  // namespace berth::logs
