#include "registry/push.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "engine/async/gate.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "engine/image/progress_lines.h"
#include "registry/blob_upload.h"
#include "registry/push_plan.h"

namespace berth::registry {

namespace {

using image::Progress;
using image::status_line;

constexpr auto kReportEvery = std::chrono::milliseconds(100);

// Configs and manifests are small: Docker does not show them.
bool is_shown(const oci::Descriptor& blob) {
    return !oci::media::is_config(blob.media_type);
}

Error push_error(Error error) {
    for (const char* line : {"Head \"", "Post \"", "Put \"", "Patch \"", "Get \""}) {
        if (error.message.starts_with(line)) return std::move(error).in("failed to do request");
    }
    if (error.kind != ErrorKind::kUnauthorized) return error;
    if (!error.message.starts_with("authorization failed"))
        error.message = "server message: insufficient_scope: authorization failed";
    return std::move(error).in("push access denied, repository does not exist or may require authorization");
}

class Push {
 public:
    Push(PushParts parts, Repository& repository, oci::Reference reference, Progress progress)
        : parts_(parts),
          repository_(repository),
          reference_(std::move(reference)),
          progress_(std::move(progress)),
          upload_{repository_, parts.content, parts.pool} {}

    Async<Result<>> run(std::optional<oci::Platform> platform);

 private:
    Async<Result<oci::Descriptor>> find();
    Async<Result<oci::Descriptor>> choose(oci::Descriptor target, std::optional<oci::Platform> platform);
    Async<Result<>> push_target(oci::Descriptor target);
    Async<Result<>> push_blobs(PushPlan plan);
    Async<void> push_one(oci::Descriptor blob, std::optional<Error>* error, async::Event* ended, int* left);
    Async<Result<std::string>> push_blob(oci::Descriptor blob);
    Async<Result<>> push_documents(PushPlan plan);
    std::function<void(std::uint64_t)> reporter(const oci::Descriptor& blob);
    void say(const oci::Descriptor& blob, const std::string& status) {
        if (is_shown(blob)) progress_(status_line(status, std::string(short_id(blob.digest.hex()))));
    }

    PushParts parts_;
    Repository& repository_;
    oci::Reference reference_;
    Progress progress_;
    BlobUpload upload_;
    std::map<Digest, std::string> sources_;  // of blobs, for mounting them
};

Async<Result<oci::Descriptor>> Push::find() {
    auto work = [this]() -> Result<oci::Descriptor> {
        BERTH_TRY(const auto names, parts_.images.names());
        sources_ = mount_sources(parts_.content, names, reference_);
        for (const auto& named : names) {
            if (named.name == reference_.text()) return named.target;
        }
        return fail(ErrorKind::kNotFound, "tag does not exist: " + reference_.familiar());
    };
    co_return co_await parts_.pool.run(work);
}

Async<Result<oci::Descriptor>> Push::choose(oci::Descriptor target, std::optional<oci::Platform> platform) {
    auto work = [&] { return choose_to_push(parts_.images, reference_, target, platform); };
    co_return co_await parts_.pool.run(work);
}

std::function<void(std::uint64_t)> Push::reporter(const oci::Descriptor& blob) {
    if (!is_shown(blob)) return [](std::uint64_t) {};
    auto last = std::chrono::steady_clock::now() - kReportEvery;
    return [this, id = std::string(short_id(blob.digest.hex())),
            total = static_cast<std::uint64_t>(blob.size), last](std::uint64_t current) mutable {
        const auto time = std::chrono::steady_clock::now();
        if (current == 0 || time - last < kReportEvery) return;
        last = time;
        progress_(image::progress_line("Pushing", id, current, total));
    };
}

// Returns what became of it, as the progress line says it.
Async<Result<std::string>> Push::push_blob(oci::Descriptor blob) {
    BERTH_CO_TRY(auto place, co_await parts_.slots.take());
    BERTH_CO_TRY(const bool there, co_await repository_.has_blob(blob.digest));
    if (there)
        co_return std::string(oci::media::is_layer(blob.media_type) ? "Layer already exists"
                                                                    : "Already exists");
    const auto source = sources_.find(blob.digest);
    const std::string from = source == sources_.end() ? "" : source->second;
    BERTH_CO_TRY(auto location, co_await repository_.begin_upload(blob.digest, from));
    if (!location) co_return from.empty() ? "Pushed" : "Mounted from " + from;
    auto report = reporter(blob);
    BERTH_CO_CHECK(co_await upload_.run(blob, *location, std::move(report)));
    co_return "Pushed";
}

Async<void> Push::push_one(oci::Descriptor blob, std::optional<Error>* error, async::Event* ended,
                           int* left) {
    auto done = co_await push_blob(blob);
    if (done) say(blob, *done);
    if (!done && !*error) *error = std::move(done.error());
    if (--*left == 0 || *error) ended->set();
}

Async<Result<>> Push::push_blobs(PushPlan plan) {
    std::optional<Error> error;
    async::Event ended(parts_.io);
    int left = static_cast<int>(plan.blobs.size());
    if (left == 0) co_return Result<>();
    for (const auto& blob : plan.blobs) say(blob, "Waiting");
    async::Gate gate(parts_.io);
    for (const auto& blob : plan.blobs) gate.spawn(push_one(blob, &error, &ended, &left));
    auto all = co_await ended.wait();
    if (!all || error) gate.cancel();
    co_await gate.close();
    if (!all) co_return all;
    if (error) co_return Failure(std::move(*error));
    co_return Result<>();
}

Async<Result<>> Push::push_documents(PushPlan plan) {
    for (auto& document : plan.documents) {
        const auto& digest = document.descriptor.digest;
        const bool top = &document == &plan.documents.back() && !reference_.tag().empty();
        std::string name = top ? reference_.tag() : digest.text();
        BERTH_CO_TRY(const bool there, co_await repository_.has_manifest(name, digest));
        if (there) continue;
        auto put = repository_.put_manifest(name, document.descriptor.media_type, std::move(document.bytes));
        BERTH_CO_CHECK(co_await std::move(put));
    }
    co_return Result<>();
}

Async<Result<>> Push::push_target(oci::Descriptor target) {
    auto work = [&] { return plan_push(parts_.content, target); };
    BERTH_CO_TRY(auto plan, co_await parts_.pool.run(work));
    BERTH_CO_CHECK(co_await push_blobs(plan));
    co_return co_await push_documents(std::move(plan));
}

std::string aux_line(nlohmann::ordered_json aux) {
    return nlohmann::ordered_json{{"progressDetail", nlohmann::ordered_json::object()},
                                  {"aux", std::move(aux)}}
        .dump();
}

Async<Result<>> Push::run(std::optional<oci::Platform> platform) {
    BERTH_CO_TRY(auto target, co_await find());
    if (platform) {
        BERTH_CO_TRY(target, co_await choose(target, platform));
    }
    auto done = co_await push_target(target);
    // An index of which not all is here: the manifest that is goes out for it.
    if (!done && done.error().kind == ErrorKind::kNotFound && !platform &&
        oci::media::is_index(target.media_type)) {
        BERTH_CO_TRY(auto instead, co_await choose(target, platform));
        if (instead.digest != target.digest) {
            done = co_await push_target(instead);
            if (done) {
                progress_(aux_line({{"manifestPushedInsteadOfIndex", true},
                                    {"originalIndex", oci::to_json(target)},
                                    {"selectedManifest", oci::to_json(instead)}}));
            }
            target = instead;
        }
    }
    if (!done && done.error().kind == ErrorKind::kNotFound)
        progress_(aux_line({{"contentMissing", true}, {"desc", oci::to_json(target)}}));
    if (!done && done.error().message.starts_with("content digest ")) done = in("NotFound", std::move(done));
    if (!done) co_return Failure(push_error(std::move(done.error())));
    if (!reference_.tag().empty()) {
        progress_(status_line(
            fmt::format("{}: digest: {} size: {}", reference_.tag(), target.digest.text(), target.size)));
        progress_(
            aux_line({{"Tag", reference_.tag()}, {"Digest", target.digest.text()}, {"Size", target.size}}));
    }
    co_return Result<>();
}

}  // namespace

Async<Result<>> push_image(PushParts parts, Repository& repository, oci::Reference reference,
                           std::optional<oci::Platform> platform, Progress progress) {
    Push push(parts, repository, std::move(reference), std::move(progress));
    co_return co_await push.run(std::move(platform));
}

}  // namespace berth::registry
