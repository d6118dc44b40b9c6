#pragma once

#include <span>
#include <string>

#include "engine/base/id_maps.h"
#include "engine/base/result.h"

namespace berth::confine {

// The helper's tasks on a container's files, shut in; file_task.h says what each does. `arguments` start with
// the task's name. What they return is written as the last record.
bool is_file_task(std::span<char* const> arguments);
// `ids`: of the user namespace whose files they are.
Result<std::string> run_file_task(std::span<char* const> arguments, const IdMaps& ids);

}  // namespace berth::confine
