#pragma once

#include "engine/container/container_services.h"

namespace berth::container {

// What a create request may not say, in Docker's words. Fills in the defaults that inspect shows (restart
// policy "no", shm size, ipc mode, …) and takes out what this host cannot do, with a warning.
Result<> check_and_complete(CreateRequest& request, const ContainerConfig& config,
                            std::vector<std::string>& warnings);

// The image's configuration under the request's: env by name, command and entrypoint, labels, ports, volumes,
// user, working folder, stop signal. "no command specified" when nothing says what to run.
Result<> merge_image(types::ContainerConfig& config, const image::RunConfig& image);

}  // namespace berth::container
