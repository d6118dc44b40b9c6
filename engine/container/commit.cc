#include "engine/container/commit.h"

#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/container/create_checks.h"
#include "engine/container/freeze.h"
#include "engine/container/health.h"
#include "engine/container/layers.h"
#include "engine/image/run_config.h"
#include "engine/oci/reference.h"

namespace berth::container {

namespace {

using Json = nlohmann::ordered_json;

// What an image's config says about running it.
constexpr const char* kImageFields[] = {"User",       "ExposedPorts", "Env",        "Entrypoint",
                                        "Cmd",        "Volumes",      "WorkingDir", "Labels",
                                        "StopSignal", "OnBuild",      "Shell",      "Healthcheck"};

bool says_something(const Json& value) {
    return !value.is_null() &&
           (!(value.is_array() || value.is_object() || value.is_string()) || !value.empty());
}

// The request's config, or the container's; the changes; and what both leave open, from the container.
Result<std::string> image_config(const Container& container, const CommitOptions& options) {
    Json wanted = Json::parse(types::to_json(options.config ? *options.config : container.config).dump());
    BERTH_CHECK(image::apply_changes(options.changes, wanted));
    BERTH_TRY(auto config, types::parse_container_config(nlohmann::json(wanted), ""));
    BERTH_TRY(auto from, image::parse_run_config(types::to_json(container.config).dump()));
    BERTH_CHECK(merge_image(config, from));
    BERTH_CHECK(merge_health(config, from.healthcheck_json));
    Json whole = Json::parse(types::to_json(config).dump()), out = Json::object();
    for (const char* field : kImageFields) {
        if (whole.contains(field) && says_something(whole[field])) out[field] = whole[field];
    }
    return out.dump();
}

std::string command_line(const Container& container) {
    std::string out;
    for (const auto& word : container.config.cmd.value_or(std::vector<std::string>()))
        out += (out.empty() ? "" : " ") + word;
    return out;
}

// The helper's output, whose end counts once the helper has said that all of it is there.
image::Reader layer_reader(std::shared_ptr<confine::FileTask> task) {
    return [task](char* buffer, std::size_t size) -> Result<std::size_t> {
        for (;;) {
            ssize_t got = ::read(task->output.get(), buffer, size);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return fail_errno("read the container's changes");
            if (got == 0) BERTH_CHECK(task->finish());
            return static_cast<std::size_t>(got);
        }
    };
}

// On the pool.
Result<std::string> make_image(const Core& core, const Container& container, const CommitOptions& options,
                               std::string config) {
    BERTH_TRY(auto layers, layers_of(core, container));
    BERTH_TRY(auto started,
              confine::FileTask::layer({.path = core.parts.config.helper_path, .ids = core.parts.config.ids},
                                       layers));
    auto task = std::make_shared<confine::FileTask>(std::move(started));
    image::CommitRequest request;
    request.layer = layer_reader(task);
    if (!container.manifest_id.empty()) {
        BERTH_TRY(request.base, Digest::parse(container.manifest_id));
    }
    request.parent = container.image_id;
    request.name = options.name;
    request.config_json = std::move(config);
    request.author = options.author;
    request.comment = options.comment;
    request.created_by = command_line(container);
    BERTH_TRY(Digest id, core.parts.images.commit(std::move(request)));
    return id.text();
}

// STATE/held/ID says, across a kill -9, that a commit and nobody else has frozen the container.
std::string held_folder(const Core& core) {
    return core.parts.config.state_root + "/held";
}

Async<bool> hold(Core& core, ContainerPtr container) {
    const std::string folder = held_folder(core), mark = folder + "/" + container->id;
    auto noted = make_folders(folder, 0700);
    if (noted) noted = write_file(mark, "");
    if (!noted) log::warning("a commit is not noted", {{"error", noted.error().message}});
    core.held.insert(container->id);
    // It may end at this very moment; what it has left is taken all the same.
    auto paused = co_await run_pause(core, container);
    if (paused) co_return true;
    core.held.erase(container->id);
    ::unlink(mark.c_str());
    co_return false;
}

Async<void> let_go(Core& core, std::string id) {
    auto container = core.store.get(id);
    if (container && container->state.status == Status::kPaused) {
        auto resumed = co_await run_unpause(core, container);
        if (!resumed)
            log::warning("a container stays paused after its commit",
                         {{"container", id}, {"error", resumed.error().message}});
    }
    core.held.erase(id);
    ::unlink((held_folder(core) + "/" + id).c_str());
}

std::string familiar(const std::string& name) {
    auto reference = oci::Reference::parse(name);
    return reference ? reference->familiar() : name;
}

}  // namespace

Async<Result<std::string>> run_commit(Core& core, std::string ref, CommitOptions options) {
    BERTH_CO_TRY(auto container, core.store.find(ref));
    if (container->state.status == Status::kDead)
        co_return fail(ErrorKind::kConflict,
                       "You cannot commit container " + container->id + " which is Dead");
    if (container->state.status == Status::kRemoving)
        co_return fail(ErrorKind::kConflict,
                       "You cannot commit container " + container->id + " which is being removed");
    BERTH_CO_TRY(std::string config, image_config(*container, options));
    bool frozen = false;
    if (options.pause && container->state.status == Status::kRunning) {
        frozen = co_await hold(core, container);
    }
    auto work = [&core, container, &options, &config] {
        return make_image(core, *container, options, std::move(config));
    };
    auto id = co_await core.parts.pool.run(std::move(work));
    if (id) {
        core.publish(*container, "commit",
                     {{"comment", options.comment}, {"imageID", *id}, {"imageRef", familiar(options.name)}});
    }
    if (frozen) co_await let_go(core, container->id);
    co_return id;
}

Async<void> release_held_before(Core& core) {
    auto ids = list_folder(held_folder(core));
    if (!ids) co_return;
    for (const auto& id : *ids) co_await let_go(core, id);
}

Async<void> release_held(Core& core) {
    const auto held = core.held;
    for (const auto& id : held) co_await let_go(core, id);
}

}  // namespace berth::container
