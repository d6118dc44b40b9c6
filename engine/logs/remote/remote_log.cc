#include "engine/logs/remote/remote_log.h"

#include "engine/base/size.h"

namespace berth::logs {

namespace {

class RemoteLog final : public LogDriver {
 public:
    RemoteLog(std::unique_ptr<Encoder> encoder, Address address, Outbox::Limits limits)
        : encoder_(std::move(encoder)), outbox_(std::move(address), limits) {}

    Result<> connect() { return outbox_.connect(); }
    Result<> write(Stream stream, Timestamp time, std::string_view line, bool partial) override {
        Result<> trouble;
        for (auto& message : encoder_->encode(stream, time, line, pieces_.next(stream, partial))) {
            auto posted = outbox_.post(std::move(message));
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
    } else {
        encoder = make_fluentd_encoder(plan);
        BERTH_TRY(bool async, switched(plan.options, "fluentd-async"));
        at_once = !async;
        if (auto size = plan.options.find("fluentd-buffer-limit"); size != plan.options.end()) {
            BERTH_TRY(auto bytes, parse_size(size->second, SizeUnits::kBinary));
            limits.bytes = static_cast<std::size_t>(bytes);
        }
        if (auto wait = plan.options.find("fluentd-retry-wait"); wait != plan.options.end()) {
            BERTH_TRY(auto milliseconds, parse_duration(wait->second));
            limits.retry = std::chrono::milliseconds(milliseconds);
        }
    }
    auto log = std::make_unique<RemoteLog>(std::move(encoder), std::move(address), limits);
    if (at_once) BERTH_CHECK(log->connect());
    return std::unique_ptr<LogDriver>(std::move(log));
}

}  // namespace berth::logs
