#include <fmt/format.h>

#include "cli/commands/platforms.h"
#include "cli/commands/system.h"
#include "engine/templates/template.h"

namespace berth::cli {

namespace {

struct Kind {
    const char* name;    // --type
    const char* before;  // the path is before NAME after
    const char* after;
};
constexpr Kind kKinds[] = {{"container", "/containers/", "/json"},
                           {"image", "/images/", "/json"},
                           {"network", "/networks/", ""},
                           {"volume", "/volumes/", ""}};

// The first kind that has an object of this name.
Result<Json> find_object(Engine& engine, const std::string& name, const std::string& type,
                         const std::string& query) {
    for (const Kind& kind : kKinds) {
        if (!type.empty() && type != kind.name) continue;
        auto found = engine.get(kind.before + name + kind.after + query);
        if (found || found.error().kind != ErrorKind::kNotFound || !type.empty()) return found;
    }
    return fail(ErrorKind::kNotFound, "error: no such object: " + name);
}

int inspect(Invocation& invocation, Flags& flags, const Arguments& arguments, std::string type) {
    std::string format, platform;
    bool size = false;
    flags.text("format,f", &format, "string",
               "Format output using a custom template: 'json' or a Go template");
    flags.toggle("size,s", &size, "Display total file sizes if the type is container");
    if (type.empty()) flags.text("type", &type, "string", "Only inspect objects of the given type");
    if (type == "image")
        flags.text("platform", &platform, "string",
                   "Inspect a specific platform of the multi-platform image");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, names, status)) return status;
    auto parsed = templates::Template::parse(format == "json" || format.empty() ? "{{json .}}" : format);
    if (!parsed) return invocation.failed(parsed.error());
    auto wanted = platform_query(platform);
    if (!wanted) return invocation.failed(wanted.error());
    const std::string query = "?" + (size ? std::string("size=1") : "") + *wanted;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    Json all = Json::array();
    Arguments errors;
    for (const std::string& name : names) {
        auto object = find_object(**engine, name, type, query);
        if (!object) {
            errors.push_back(object.error().message);
        } else if (format.empty()) {
            all.push_back(std::move(*object));
        } else {
            auto text = parsed->render(*object);
            if (!text) return invocation.failed(text.error());
            print(*text + "\n");
        }
    }
    if (format.empty())
        print((all.empty() ? std::string("[]") : all.dump(4, ' ', false, Json::error_handler_t::replace)) +
              "\n");
    for (const std::string& error : errors) status = invocation.failed({ErrorKind::kNotFound, error});
    return status;
}

}  // namespace

int inspect_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("inspect [OPTIONS] NAME|ID [NAME|ID...]", "Return low-level information on Docker objects");
    return inspect(invocation, flags, arguments, "");
}

int container_inspect_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("container inspect [OPTIONS] CONTAINER [CONTAINER...]",
                "Display detailed information on one or more containers");
    return inspect(invocation, flags, arguments, "container");
}

int image_inspect_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("image inspect [OPTIONS] IMAGE [IMAGE...]",
                "Display detailed information on one or more images");
    return inspect(invocation, flags, arguments, "image");
}

int volume_inspect_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("volume inspect [OPTIONS] VOLUME [VOLUME...]",
                "Display detailed information on one or more volumes");
    return inspect(invocation, flags, arguments, "volume");
}

int network_inspect_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("network inspect [OPTIONS] NETWORK [NETWORK...]",
                "Display detailed information on one or more networks");
    return inspect(invocation, flags, arguments, "network");
}

}  // namespace berth::cli
