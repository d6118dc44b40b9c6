#include "engine/shim/protocol/task_file.h"

#include "engine/shim/protocol/messages.h"
#include "engine/shim/protocol/wire.h"

namespace berth::shim {

namespace {

void put_list(WireWriter& out, const std::vector<std::string>& list) {
    out.u32(static_cast<std::uint32_t>(list.size()));
    for (const std::string& text : list) out.text(text);
}

void put_map(WireWriter& out, const std::map<std::string, std::string>& map) {
    out.u32(static_cast<std::uint32_t>(map.size()));
    for (const auto& [key, value] : map) {
        out.text(key);
        out.text(value);
    }
}

std::map<std::string, std::string> take_map(WireReader& in) {
    std::map<std::string, std::string> map;
    for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
        std::string key = in.text();
        map[key] = in.text();
    }
    return map;
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
    put_map(out, task.log_options);
    put_list(out, task.cgroup_paths);
    out.u8(task.health ? 1 : 0);
    if (task.health) put_health_task(out, *task.health);
    out.text(task.log_tag);
    put_map(out, task.log_attributes);
    out.u32(task.runtime_seconds);
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
    task.log_options = take_map(in);
    task.cgroup_paths = take_list(in);
    if (!in.empty() && in.u8() != 0) task.health = take_health_task(in);
    if (!in.empty()) {
        task.log_tag = in.text();
        task.log_attributes = take_map(in);
    }
    if (!in.empty()) task.runtime_seconds = in.u32();
    if (!known || !in.ok()) return fail(ErrorKind::kDataLoss, "damaged task file");
    return task;
}

}  // namespace berth::shim
