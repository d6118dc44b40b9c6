#include "cli/commands/images.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "cli/client/credential_store.h"
#include "cli/commands/files.h"
#include "cli/commands/platforms.h"
#include "cli/output/progress.h"
#include "cli/output/table.h"
#include "cli/output/units.h"
#include "cli/term/terminal.h"
#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/http/url.h"

namespace berth::cli {

ImageName split_name(const std::string& name) {
    if (auto at = name.find('@'); at != std::string::npos) return {name.substr(0, at), name.substr(at + 1)};
    auto colon = name.rfind(':');
    if (colon == std::string::npos || name.find('/', colon) != std::string::npos) return {name, ""};
    return {name.substr(0, colon), name.substr(colon + 1)};
}

namespace {

std::string age(std::int64_t created) {
    auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(now().time_since_epoch()).count() - created;
    return human_duration(std::chrono::seconds(seconds)) + " ago";
}

std::string shown_id(std::string id, bool whole) {
    if (whole) return id;
    return std::string(short_id(id.substr(id.find(':') + 1)));
}

// One row per name of an image, as `docker images` has them.
std::vector<Json> image_rows(const Json& images, bool whole) {
    std::vector<Json> rows;
    for (const Json& image : images) {
        std::vector<std::string> names;
        if (image.contains("RepoTags") && image["RepoTags"].is_array()) {
            names = image["RepoTags"].get<std::vector<std::string>>();
        }
        if (names.empty()) names = {"<none>:<none>"};
        for (const std::string& name : names) {
            ImageName parts = split_name(name);
            rows.push_back({{"Repository", parts.repository},
                            {"Tag", parts.tag},
                            {"ID", shown_id(text_of(image, "Id"), whole)},
                            {"CreatedSince", age(number_of(image, "Created"))},
                            {"Size", human_size(static_cast<double>(number_of(image, "Size")))}});
        }
    }
    return rows;
}

Result<UniqueFd> input_file(const std::string& path) {
    if (path.empty() || path == "-") return UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    return open_file(path, O_RDONLY);
}

http::Headers tar_headers() {
    http::Headers headers;
    headers.set("Content-Type", "application/x-tar");
    return headers;
}

}  // namespace

Result<> pull_image(Engine& engine, const Settings& settings, const std::string& name,
                    const std::string& platform, bool quiet, int out_fd, Tags tags) {
    ImageName parts = split_name(name);
    std::string target = "/images/create?fromImage=" + http::encode_form(parts.repository);
    if (tags == Tags::kOne) target += "&tag=" + http::encode_form(parts.tag.empty() ? "latest" : parts.tag);
    if (!platform.empty()) target += "&platform=" + http::encode_form(platform);
    http::Headers headers;
    headers.set("X-Registry-Auth", registry_auth_for(settings, name));
    ProgressView view(out_fd, is_terminal(out_fd), quiet);
    return engine.stream("POST", target, std::move(headers), -1,
                         [&](std::string_view bytes) { return view.write(bytes); });
}

int images_command(Invocation& invocation, const Arguments& arguments) {
    bool all = false, quiet = false, whole = false, digests = false;
    std::string format;
    std::vector<std::string> filters;
    Flags flags("images [OPTIONS] [REPOSITORY[:TAG]]", "List images");
    flags.toggle("all,a", &all, "Show all images (default hides intermediate images)");
    flags.toggle("quiet,q", &quiet, "Only show image IDs");
    flags.toggle("no-trunc", &whole, "Don't truncate output");
    flags.toggle("digests", &digests, "Show digests");
    flags.list("filter,f", &filters, "Filter output based on conditions provided");
    flags.text("format", &format, "string", "Format output using a custom template");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 1, names, status)) return status;
    if (!names.empty()) filters.push_back("reference=" + names[0]);
    auto encoded = encode_filters(filters);
    if (!encoded) return invocation.failed(encoded.error());
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto images = (*engine)->get(fmt::format("/images/json?all={}&filters={}", all ? 1 : 0, *encoded));
    if (!images) return invocation.failed(images.error());
    std::vector<Json> rows = image_rows(*images, whole);
    if (quiet && format.empty()) format = "{{.ID}}";
    return print_rows(invocation, rows, format, [&] {
        Table table({"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"});
        for (const Json& row : rows) {
            table.add({text_of(row, "Repository"), text_of(row, "Tag"), text_of(row, "ID"),
                       text_of(row, "CreatedSince"), text_of(row, "Size")});
        }
        return table.text();
    });
}

int pull_command(Invocation& invocation, const Arguments& arguments) {
    bool all = false, quiet = false;
    std::string platform;
    Flags flags("pull [OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry");
    flags.toggle("all-tags,a", &all, "Download all tagged images in the repository");
    flags.toggle("quiet,q", &quiet, "Suppress verbose output");
    flags.text("platform", &platform, "string", "Set platform if server is multi-platform capable");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, 1, names, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    ImageName parts = split_name(names[0]);
    if (all && !parts.tag.empty())
        return invocation.failed({ErrorKind::kInvalidArgument, "tag can't be used with --all-tags/-a"});
    if (!all && parts.tag.empty() && !quiet) print("Using default tag: latest\n");
    auto pulled = pull_image(**engine, invocation.settings(), names[0], platform, quiet, STDOUT_FILENO,
                             all ? Tags::kAll : Tags::kOne);
    if (!pulled) return invocation.failed(pulled.error());
    std::string domain = parts.repository.find('/') == std::string::npos ? "docker.io/library/" : "";
    std::string separator = parts.tag.starts_with("sha256:") ? "@" : ":";
    const std::string tag = all ? "" : separator + (parts.tag.empty() ? "latest" : parts.tag);
    print(domain + parts.repository + tag + "\n");
    return 0;
}

int load_command(Invocation& invocation, const Arguments& arguments) {
    bool quiet = false;
    std::string input;
    std::vector<std::string> platforms;
    Flags flags("load [OPTIONS]", "Load an image from a tar archive or STDIN");
    flags.text("input,i", &input, "string", "Read from tar archive file, instead of STDIN");
    flags.list("platform", &platforms,
               "Load only the given platform(s). Formatted as a comma-separated list of "
               "\"os[/arch[/variant]]\" (e.g., \"linux/amd64,linux/arm64/v8\").");
    flags.toggle("quiet,q", &quiet, "Suppress the load output");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 0, names, status)) return status;
    if (input.empty() && is_terminal(STDIN_FILENO)) {
        return invocation.failed(
            {ErrorKind::kInvalidArgument, "requested load from stdin, but stdin is empty"});
    }
    auto file = input_file(input);
    if (!file) return invocation.failed(file.error());
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto wanted = platform_query(platforms);
    if (!wanted) return invocation.failed(wanted.error());
    const std::string target = fmt::format("/images/load?quiet={}{}", quiet ? 1 : 0, *wanted);
    ProgressView view(STDOUT_FILENO, is_terminal(STDOUT_FILENO), false);
    auto loaded = (*engine)->stream("POST", target, tar_headers(), file->get(),
                                    [&](std::string_view bytes) { return view.write(bytes); });
    return loaded ? 0 : invocation.failed(loaded.error());
}

int save_command(Invocation& invocation, const Arguments& arguments) {
    std::string path;
    std::vector<std::string> platforms;
    Flags flags("save [OPTIONS] IMAGE [IMAGE...]",
                "Save one or more images to a tar archive (streamed to STDOUT by default)");
    flags.text("output,o", &path, "string", "Write to a file, instead of STDOUT");
    flags.list(
        "platform", &platforms,
        "Save only the given platform(s). Formatted as a comma-separated list of \"os[/arch[/variant]]\" "
        "(e.g., \"linux/amd64,linux/arm64/v8\")");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, names, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto wanted = platform_query(platforms);
    if (!wanted) return invocation.failed(wanted.error());
    std::string query;
    for (const std::string& name : names) query += "&names=" + http::encode_form(name);
    auto saved = save_stream(**engine, "/images/get?" + query.substr(1) + *wanted, path);
    return saved ? 0 : invocation.failed(saved.error());
}

int import_command(Invocation& invocation, const Arguments& arguments) {
    std::vector<std::string> changes;
    std::string message, platform;
    Flags flags("import [OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
                "Import the contents from a tarball to create a filesystem image");
    flags.list("change,c", &changes, "Apply Dockerfile instruction to the created image");
    flags.text("message,m", &message, "string", "Set commit message for imported image");
    flags.text("platform", &platform, "string", "Set platform if server is multi-platform capable");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, 2, names, status)) return status;
    // What a URL names the engine fetches itself.
    const bool remote = names[0].starts_with("http://") || names[0].starts_with("https://");
    auto file = remote ? open_file("/dev/null", O_RDONLY) : input_file(names[0]);
    if (!file) return invocation.failed(file.error());
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    std::string target = "/images/create?fromSrc=" + (remote ? http::encode_form(names[0]) : "-");
    if (names.size() > 1) target += "&repo=" + http::encode_form(names[1]);
    if (!message.empty()) target += "&message=" + http::encode_form(message);
    if (!platform.empty()) target += "&platform=" + http::encode_form(platform);
    for (const std::string& change : changes) target += "&changes=" + http::encode_form(change);
    ProgressView view(STDOUT_FILENO, is_terminal(STDOUT_FILENO), false);
    auto imported = (*engine)->stream("POST", target, tar_headers(), file->get(),
                                      [&](std::string_view bytes) { return view.write(bytes); });
    return imported ? 0 : invocation.failed(imported.error());
}

int tag_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
                "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 2, 2, names, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    ImageName target = split_name(names[1]);
    auto tagged =
        (*engine)->post(fmt::format("/images/{}/tag?repo={}&tag={}", names[0],
                                    http::encode_form(target.repository), http::encode_form(target.tag)));
    return tagged ? 0 : invocation.failed(tagged.error());
}

int rmi_command(Invocation& invocation, const Arguments& arguments) {
    bool force = false, no_prune = false;
    std::vector<std::string> platforms;
    Flags flags("rmi [OPTIONS] IMAGE [IMAGE...]", "Remove one or more images");
    flags.toggle("force,f", &force, "Force removal of the image");
    flags.toggle("no-prune", &no_prune, "Do not delete untagged parents");
    flags.list("platform", &platforms,
               "Remove only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., "
               "\"linux/amd64\")");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, names, status)) return status;
    auto variants = platform_query(platforms, "platforms");
    if (!variants) return invocation.failed(variants.error());
    return for_each_name(
        invocation, names,
        [&](Engine& engine, const std::string& name) -> Result<> {
            BERTH_TRY(Engine::Answer answer,
                      engine.call("DELETE", fmt::format("/images/{}?force={}&noprune={}{}", name,
                                                        force ? 1 : 0, no_prune ? 1 : 0, *variants)));
            Json removed = Json::parse(answer.body, nullptr, false);
            for (const Json& item : removed.is_array() ? removed : Json::array()) {
                for (const char* word : {"Untagged", "Deleted"}) {
                    if (item.contains(word)) print(fmt::format("{}: {}\n", word, text_of(item, word)));
                }
            }
            return {};
        },
        false);
}

int history_command(Invocation& invocation, const Arguments& arguments) {
    bool quiet = false, whole = false;
    std::string format, platform;
    Flags flags("history [OPTIONS] IMAGE", "Show the history of an image");
    flags.toggle("quiet,q", &quiet, "Only show image IDs");
    flags.toggle("no-trunc", &whole, "Don't truncate output");
    flags.text("format", &format, "string", "Format output using a custom template");
    flags.text("platform", &platform, "string",
               "Show history for the given platform. Formatted as \"os[/arch[/variant]]\" (e.g., "
               "\"linux/amd64\")");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, 1, names, status)) return status;
    auto wanted = platform_query(platform);
    if (!wanted) return invocation.failed(wanted.error());
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto history = (*engine)->get(fmt::format("/images/{}/history?{}", names[0], *wanted));
    if (!history) return invocation.failed(history.error());
    std::vector<Json> rows;
    for (const Json& layer : *history) {
        std::string by = text_of(layer, "CreatedBy");
        if (!whole && by.size() > 45) by = by.substr(0, 44) + "…";
        std::string id = text_of(layer, "Id");
        rows.push_back({{"ID", id == "<missing>" ? id : shown_id(id, whole)},
                        {"CreatedSince", age(number_of(layer, "Created"))},
                        {"CreatedBy", by},
                        {"Size", human_size(static_cast<double>(number_of(layer, "Size")))},
                        {"Comment", text_of(layer, "Comment")}});
    }
    if (quiet && format.empty()) format = "{{.ID}}";
    return print_rows(invocation, rows, format, [&] {
        Table table({"IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"});
        for (const Json& row : rows) {
            table.add({text_of(row, "ID"), text_of(row, "CreatedSince"), text_of(row, "CreatedBy"),
                       text_of(row, "Size"), text_of(row, "Comment")});
        }
        return table.text();
    });
}

}  // namespace berth::cli
