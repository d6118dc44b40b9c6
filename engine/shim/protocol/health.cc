#include "engine/shim/protocol/health.h"

namespace berth::shim {

void put_health_task(WireWriter& out, const HealthTask& task) {
    out.text(task.process);
    for (std::int64_t time : {task.interval, task.timeout, task.start_period, task.start_interval})
        out.i64(time);
    out.u32(task.retries);
}

HealthTask take_health_task(WireReader& in) {
    HealthTask task;
    task.process = in.text();
    for (std::int64_t* time : {&task.interval, &task.timeout, &task.start_period, &task.start_interval})
        *time = in.i64();
    task.retries = in.u32();
    return task;
}

void put_health(WireWriter& out, const Health& health) {
    out.u8(static_cast<std::uint8_t>(health.status));
    out.u32(health.failing_streak);
    out.u32(static_cast<std::uint32_t>(health.log.size()));
    for (const Probe& probe : health.log) {
        out.i64(probe.started_at);
        out.i64(probe.ended_at);
        out.u32(static_cast<std::uint32_t>(probe.exit_code));
        out.text(probe.output);
    }
}

Health take_health(WireReader& in) {
    Health health;
    health.status = static_cast<HealthStatus>(in.u8());
    health.failing_streak = in.u32();
    for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
        Probe probe;
        probe.started_at = in.i64();
        probe.ended_at = in.i64();
        probe.exit_code = static_cast<std::int32_t>(in.u32());
        probe.output = in.text();
        health.log.push_back(std::move(probe));
    }
    return health;
}

}  // namespace berth::shim
