#include "engine/oci/runtime_spec.h"

#include <nlohmann/json.hpp>

#include "engine/oci/spec_linux.h"
#include "engine/oci/spec_passes.h"
#include "engine/oci/spec_process.h"

namespace berth::oci {

template <class Pass>
void fields(Pass& pass, Root& root) {
    pass.always("path", root.path);
    pass("readonly", root.readonly);
}

template <class Pass>
void fields(Pass& pass, IdMapping& mapping) {
    pass.always("containerID", mapping.container_id);
    pass.always("hostID", mapping.host_id);
    pass.always("size", mapping.size);
}

template <class Pass>
void fields(Pass& pass, SpecMount& mount) {
    pass.always("destination", mount.destination);
    pass("type", mount.type);
    pass("source", mount.source);
    pass("options", mount.options);
    pass("uidMappings", mount.uid_mappings);
    pass("gidMappings", mount.gid_mappings);
}

template <class Pass>
void fields(Pass& pass, Hook& hook) {
    pass.always("path", hook.path);
    pass("args", hook.args);
    pass("env", hook.env);
    pass("timeout", hook.timeout);
}

template <class Pass>
void fields(Pass& pass, Hooks& hooks) {
    pass("prestart", hooks.prestart);
    pass("createRuntime", hooks.create_runtime);
    pass("createContainer", hooks.create_container);
    pass("startContainer", hooks.start_container);
    pass("poststart", hooks.poststart);
    pass("poststop", hooks.poststop);
}

template <class Pass>
void fields(Pass& pass, Namespace& space) {
    pass.always("type", space.type);
    pass("path", space.path);
}

template <class Pass>
void fields(Pass& pass, RuntimeSpec& spec) {
    pass.always("ociVersion", spec.oci_version);
    pass("process", spec.process);
    pass.always("root", spec.root);
    pass("hostname", spec.hostname);
    pass("domainname", spec.domainname);
    pass("mounts", spec.mounts);
    pass("hooks", spec.hooks);
    pass("annotations", spec.annotations);
    pass("linux", spec.linux_);
}

namespace {

template <class T>
Result<T> parse(std::string_view text) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) return fail(ErrorKind::kInvalidArgument, "not a JSON document");
    Error error;
    T out;
    Reader reader(json, "", error);
    fields(reader, out);
    if (!error.message.empty()) return Failure(std::move(error));
    return out;
}

template <class T>
std::string rendered(T value, int indent = -1) {
    Writer writer;
    fields(writer, value);
    return writer.object.dump(indent, '\t', false, Json::error_handler_t::replace);
}

}  // namespace

Result<RuntimeSpec> parse_runtime_spec(std::string_view json) {
    return parse<RuntimeSpec>(json);
}
Result<Process> parse_process(std::string_view json) {
    return parse<Process>(json);
}
Result<Resources> parse_resources(std::string_view json) {
    return parse<Resources>(json);
}
Result<Hooks> parse_hooks(std::string_view json) {
    return parse<Hooks>(json);
}

std::string render(const RuntimeSpec& spec) {
    return rendered(spec);
}
std::string render(const Process& process) {
    return rendered(process);
}
std::string render(const Seccomp& seccomp) {
    return rendered(seccomp);
}
std::string render(const Resources& resources) {
    return rendered(resources);
}
std::string render(const Hooks& hooks) {
    return rendered(hooks);
}
std::string render_readable(const RuntimeSpec& spec) {
    return rendered(spec, 1);
}

}  // namespace berth::oci
