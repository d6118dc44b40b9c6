#include "engine/shim/health_monitor.h"

#include <algorithm>
#include <utility>

#include "engine/base/files.h"
#include "engine/base/time.h"

namespace berth::shim {

namespace {

constexpr std::size_t kMaxOutput = 4096, kMaxLog = 5;
// From SIGKILL to the end: what its descendants hold open is waited for, two seconds at most.
constexpr auto kKillLimit = std::chrono::seconds(5);

std::int64_t nanoseconds_now() {
    return now().time_since_epoch().count();
}

// Go's way: "30s", "1m30s", "500ms".
std::string duration_text(std::int64_t nanoseconds) {
    std::int64_t thousandths = nanoseconds / 1'000'000, seconds = thousandths / 1000;
    if (seconds == 0) return std::to_string(thousandths) + "ms";
    std::string out;
    if (seconds >= 3600) out += std::to_string(seconds / 3600) + "h";
    if (seconds >= 60) out += std::to_string(seconds / 60 % 60) + "m";
    out += std::to_string(seconds % 60);
    if (std::string rest = std::to_string(1000 + thousandths % 1000).substr(1); rest != "000") {
        while (rest.ends_with('0')) rest.pop_back();
        out += "." + rest;
    }
    return out + "s";
}

std::chrono::milliseconds milliseconds(std::int64_t nanoseconds) {
    return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(nanoseconds));
}

}  // namespace

// What a probe writes on both streams, to dockerd's limit.
class HealthMonitor::Capture final : public logs::LogDriver {
 public:
    explicit Capture(std::shared_ptr<std::string> into) : into_(std::move(into)) {}
    Result<> write(logs::Stream, Timestamp, std::string_view line, bool partial) override {
        add(line);
        if (!partial) add("\n");
        return {};
    }
    Result<> flush() override { return {}; }

 private:
    void add(std::string_view bytes) {
        if (cut_) return;
        std::size_t room = kMaxOutput - into_->size();
        into_->append(bytes.substr(0, room));
        cut_ = bytes.size() > room;
        if (cut_) into_->append("...");
    }

    std::shared_ptr<std::string> into_;
    bool cut_ = false;
};

HealthMonitor::HealthMonitor(Loop& loop, const HealthTask& task, Hooks hooks)
    : loop_(loop), task_(task), hooks_(std::move(hooks)) {}

HealthMonitor::~HealthMonitor() {
    loop_.cancel(timer_);
}

void HealthMonitor::begin(std::int64_t container_started_at) {
    container_started_at_ = container_started_at;
    wait();
}

bool HealthMonitor::in_start_period(std::int64_t at) const {
    return at - container_started_at_ < task_.start_period;
}

void HealthMonitor::wait() {
    bool early = health_.status == HealthStatus::kStarting && in_start_period(nanoseconds_now());
    timer_ = loop_.after(milliseconds(early ? task_.start_interval : task_.interval), [this] { probe(); });
}

void HealthMonitor::probe() {
    if (hooks_.frozen()) return wait();
    probe_started_at_ = nanoseconds_now();
    if (stuck_) return record(-1, timeout_text() + ": the probe before it cannot be killed");
    timed_out_ = false;
    output_ = std::make_shared<std::string>();
    hooks_.run(std::make_unique<Capture>(output_));
}

// The runtime's own time does not count.
void HealthMonitor::started() {
    timer_ = loop_.after(milliseconds(task_.timeout), [this] { time_is_up(); });
}

void HealthMonitor::time_is_up() {
    timed_out_ = true;
    hooks_.kill();
    timer_ = loop_.after(kKillLimit, [this] { give_up(); });
}

void HealthMonitor::give_up() {
    stuck_ = true;
    record(-1, timeout_text() + (output_->empty() ? "" : ": " + *output_));
}

std::string HealthMonitor::timeout_text() const {
    return "Health check exceeded timeout (" + duration_text(task_.timeout) + ")";
}

void HealthMonitor::failed(const Error& error) {
    record(-1, error.message);
}

void HealthMonitor::ended(int code) {
    // It has been counted already, and the next one is waited for.
    if (std::exchange(stuck_, false)) return;
    loop_.cancel(timer_);
    std::string said = std::move(*output_);
    if (!timed_out_) return record(code, std::move(said));
    record(-1, said.empty() ? timeout_text() : timeout_text() + ": " + said);
}

void HealthMonitor::record(int code, std::string output) {
    if (health_.log.size() == kMaxLog) health_.log.erase(health_.log.begin());
    health_.log.push_back({probe_started_at_, nanoseconds_now(), code, std::move(output)});
    if (code == 0) {
        health_.failing_streak = 0;
        health_.status = HealthStatus::kHealthy;
    } else if (health_.status != HealthStatus::kStarting || !in_start_period(probe_started_at_)) {
        if (++health_.failing_streak >= task_.retries) health_.status = HealthStatus::kUnhealthy;
    }
    hooks_.changed(health_);
    wait();
}

bool is_frozen(pid_t pid) {
    auto groups = read_file("/proc/" + std::to_string(pid) + "/cgroup", 64 << 10);
    if (!groups) return false;
    std::string_view rest = *groups;
    while (!rest.empty()) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        // "7:freezer:/docker/ID" of version 1, "0::/docker/ID" of version 2.
        auto path = line.substr(std::min(line.size(), line.find(':', line.find(':') + 1) + 1));
        if (line.find(":freezer:") != std::string_view::npos) {
            auto state = read_file("/sys/fs/cgroup/freezer" + std::string(path) + "/freezer.state", 64);
            return state && !state->starts_with("THAWED");
        }
        if (!line.starts_with("0::")) continue;
        auto events = read_file("/sys/fs/cgroup" + std::string(path) + "/cgroup.events", 256);
        if (events && events->find("frozen 1") != std::string::npos) return true;
    }
    return false;
}

}  // namespace berth::shim
