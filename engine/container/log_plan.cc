#include "engine/container/log_plan.h"

#include <re2/re2.h>
#include <unistd.h>

#include <functional>
#include <sstream>

#include "engine/templates/template.h"

namespace berth::container {

namespace {

using logs::Options;

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

std::string option(const Options& options, const std::string& key) {
    auto found = options.find(key);
    return found == options.end() ? "" : found->second;
}

std::string command_of(const Container& container) {
    std::string out = container.path;
    for (const auto& argument : container.args) out += " " + argument;
    return out;
}

std::string host_name() {
    char name[256] = "";
    ::gethostname(name, sizeof name - 1);
    return name;
}

using templates::Json;

// dockerd's logger.Info: its fields, and its methods without arguments.
Json log_info(const Container& container) {
    const std::string name = "/" + container.name;
    return {{"ID", container.id.substr(0, 12)},
            {"FullID", container.id},
            {"Name", container.name},
            {"ImageID", container.image_id.substr(0, 12)},
            {"ImageFullID", container.image_id},
            {"ImageName", container.config.image},
            {"Command", command_of(container)},
            {"Hostname", host_name()},
            {"DaemonName", "docker"},
            {"Config", container.host.log_config.config},
            {"ContainerID", container.id},
            {"ContainerName", name},
            {"ContainerEntrypoint", container.path},
            {"ContainerArgs", container.args},
            {"ContainerImageID", container.image_id},
            {"ContainerImageName", container.config.image},
            {"ContainerCreated", format_rfc3339_nano(container.created_at)},
            {"ContainerEnv", container.config.env},
            {"ContainerLabels", container.config.labels}};
}

Result<std::string> tag_of(const std::string& tag, const Container& container) {
    const templates::Kind kind{"log-tag", "", "*logger.Info"};
    BERTH_TRY(const auto parsed, templates::Template::parse(tag, kind));
    return parsed.render(log_info(container));
}

// Go's and this library's regular expressions are one language; its matching takes linear time.
Result<std::unique_ptr<re2::RE2>> compile(const std::string& pattern) {
    auto out = std::make_unique<re2::RE2>(pattern, re2::RE2::Quiet);
    if (!out->ok()) return bad("error parsing regexp: " + out->error());
    return out;
}

using Rename = std::function<std::string(const std::string&)>;

// What an option and its -regex name among `values`.
Result<> add_chosen(const Options& options, const std::string& key, const Options& values,
                    const Rename& rename, Options& out) {
    std::istringstream names(option(options, key));
    for (std::string name; std::getline(names, name, ',');) {
        if (auto found = values.find(name); found != values.end()) out[rename(name)] = found->second;
    }
    const std::string pattern = option(options, key + "-regex");
    if (pattern.empty()) return {};
    BERTH_TRY(auto expression, compile(pattern));
    for (const auto& [name, value] : values) {
        if (re2::RE2::PartialMatch(name, *expression)) out[rename(name)] = value;
    }
    return {};
}

Result<Options> chosen(const Container& container, const Rename& rename) {
    Options variables, out;
    for (const auto& text : container.config.env) {
        auto equals = text.find('=');
        if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
    }
    const Options& options = container.host.log_config.config;
    BERTH_CHECK(add_chosen(options, "labels", container.config.labels, rename, out));
    BERTH_CHECK(add_chosen(options, "env", variables, rename, out));
    return out;
}

// As the journal takes the name of a field: upper case, digits and underscores, none of these in front.
std::string journal_name(const std::string& name) {
    std::string out;
    for (char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        // A character of several bytes is one underscore.
        if ((byte & 0xC0) == 0x80) continue;
        c = byte < 0x80 && std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
        if (!out.empty() || c != '_') out += c;
    }
    return out;
}

Result<Options> journal_fields(const Container& container, const std::string& tag) {
    BERTH_TRY(Options out, chosen(container, journal_name));
    out.erase("");
    out.insert({{"CONTAINER_ID", container.id.substr(0, 12)},
                {"CONTAINER_ID_FULL", container.id},
                {"CONTAINER_NAME", container.name},
                {"CONTAINER_TAG", tag},
                {"IMAGE_NAME", container.config.image},
                {"SYSLOG_IDENTIFIER", tag}});
    return out;
}

Result<Options> gelf_fields(const Container& container, const std::string& tag) {
    auto underscored = [](const std::string& name) { return name.starts_with('_') ? name : "_" + name; };
    BERTH_TRY(Options out, chosen(container, underscored));
    out["_container_id"] = container.id;
    out["_container_name"] = container.name;
    out["_image_id"] = container.image_id;
    out["_image_name"] = container.config.image;
    out["_command"] = command_of(container);
    out["_tag"] = tag;
    out["_created"] = format_rfc3339_nano(container.created_at);
    return out;
}

}  // namespace

Result<logs::LogPlan> log_plan(const Core& core, const Container& container) {
    logs::LogPlan plan;
    plan.driver = container.host.log_config.type;
    plan.path = core.log_path(container);
    plan.options = container.host.log_config.config;
    const bool remote = plan.driver != "json-file" && plan.driver != "local" && plan.driver != "none";
    std::string tag = option(plan.options, "tag");
    if (tag.empty() && remote) tag = "{{.ID}}";
    BERTH_TRY(plan.tag, tag_of(tag, container));
    if (plan.driver == "gelf") {
        BERTH_TRY(plan.attributes, gelf_fields(container, plan.tag));
        return plan;
    }
    if (plan.driver == "journald") {
        BERTH_TRY(plan.attributes, journal_fields(container, plan.tag));
        return plan;
    }
    if (plan.driver == "syslog" || plan.driver == "none") return plan;
    BERTH_TRY(plan.attributes, chosen(container, [](const std::string& name) { return name; }));
    if (plan.driver == "json-file" && !plan.tag.empty()) plan.attributes["tag"] = plan.tag;
    if (plan.driver == "fluentd") {
        plan.attributes["container_id"] = container.id;
        plan.attributes["container_name"] = "/" + container.name;
    }
    return plan;
}

Result<> check_log_templates(const types::LogConfig& log) {
    for (const char* key : {"labels-regex", "env-regex"}) {
        if (auto pattern = option(log.config, key); !pattern.empty()) BERTH_CHECK(compile(pattern));
    }
    const templates::Kind kind{"log-tag", "", "*logger.Info"};
    BERTH_TRY(const auto parsed, templates::Template::parse(option(log.config, "tag"), kind));
    // Fields are there or not for every container; what else may go wrong depends on what this one will be.
    const Container nobody{};
    auto said = parsed.render(log_info(nobody));
    const bool unknown = !said && said.error().message.find("can't evaluate field") != std::string::npos;
    return unknown ? Result<>(Failure(std::move(said.error()))) : Result<>();
}

}  // namespace berth::container
