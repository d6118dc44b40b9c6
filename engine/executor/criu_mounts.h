#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/executor/container_state.h"
#include "engine/executor/criu_message.h"
#include "engine/executor/spaces.h"
#include "engine/oci/runtime_spec.h"

// A container's mounts that come from outside: criu saves their names only, and is told what lies there when
// it restores.
namespace berth::executor {

// For a dump, into criu_opts: each by its own name.
Result<> name_mounts(CriuMessage& options, const oci::RuntimeSpec& spec, const ContainerState& state);
// For a restore: each with what it is now.
Result<> give_mounts(CriuMessage& options, const oci::RuntimeSpec& spec, const ContainerState& state);

// A mount namespace of its own for criu to be started in, with the container's root as a mount at `place` and
// folders and files for all mounts to lie on. The runtime itself returns with leave(); what was mounted goes
// with criu.
class RestoreSpace {
 public:
    static Result<RestoreSpace> enter(const oci::RuntimeSpec& spec, const ContainerState& state,
                                      const std::string& place);
    Result<> leave();

 private:
    UniqueFd own_, folder_;
};

}  // namespace berth::executor
