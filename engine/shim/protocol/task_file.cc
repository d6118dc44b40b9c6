#include "engine/shim/protocol/task_file.h"

#include "engine/shim/protocol/messages.h"
#include "engine/shim/protocol/wire.h"

namespace berth::shim {

namespace {

void put_list(WireWriter& out, const std::vector<std::string>& list) {
    out.u32(static_cast<std::uint32_t>(list.size()));
    for (const std::string& text : list) out.text(text);
}

std::vector<std::string> take_list(WireReader& in) {
    std::vector<std::string> list;
    for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) list.push_back(in.text());
    return list;
}

}  // namespace

std::string encode_task_file(const TaskFile& task) {
    WireWriter out;
    out.u32(kMagic);
    out.u16(kVersion);
    for (const std::string* text :
         {&task.id, &task.runtime, &task.runtime_root, &task.log_driver, &task.log_path}) {
        out.text(*text);
    }
    put_list(out, task.runtime_args);
    for (bool flag : {task.terminal, task.open_stdin, task.stdin_once}) out.u8(flag ? 1 : 0);
    out.u16(task.rows);
    out.u16(task.columns);
    out.u32(static_cast<std::uint32_t>(task.log_options.size()));
    for (const auto& [key, value] : task.log_options) {
        out.text(key);
        out.text(value);
    }
    put_list(out, task.cgroup_paths);
    out.u8(task.health ? 1 : 0);
    if (task.health) put_health_task(out, *task.health);
    return out.take();
}

Result<TaskFile> decode_task_file(std::string_view bytes) {
    WireReader in(bytes);
    TaskFile task;
    bool known = in.u32() == kMagic;
    known = in.u16() >= 1 && known;
    for (std::string* text :
         {&task.id, &task.runtime, &task.runtime_root, &task.log_driver, &task.log_path}) {
        *text = in.text();
    }
    task.runtime_args = take_list(in);
    for (bool* flag : {&task.terminal, &task.open_stdin, &task.stdin_once}) *flag = in.u8() != 0;
    task.rows = in.u16();
    task.columns = in.u16();
    for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
        std::string key = in.text();
        task.log_options[key] = in.text();
    }
    task.cgroup_paths = take_list(in);
    if (!in.empty() && in.u8() != 0) task.health = take_health_task(in);
    if (!known || !in.ok()) return fail(ErrorKind::kDataLoss, "damaged task file");
    return task;
}

}  // namespace berth::shim
