#include "cli/commands/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/commands/images.h"
#include "cli/term/terminal.h"
#include "engine/base/files.h"
#include "engine/http/url.h"

namespace berth::cli {

Engine::Drain write_to(int fd) {
    return [fd](archive::ByteSource& body) -> Result<> {
        for (;;) {
            BERTH_TRY(std::string_view piece, body.next());
            if (piece.empty()) return {};
            BERTH_CHECK(write_all(fd, piece));
        }
    };
}

Result<> save_stream(Engine& engine, const std::string& target, const std::string& path) {
    auto into = [&](int fd) { return engine.download(target, write_to(fd)); };
    if (path.empty()) {
        if (!is_terminal(STDOUT_FILENO)) return into(STDOUT_FILENO);
        return fail(ErrorKind::kInvalidArgument,
                    "cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    std::string temporary = fmt::format("{}.{}.part", path, ::getpid());
    BERTH_TRY(UniqueFd file, open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600));
    auto done = into(file.get());
    if (done && ::rename(temporary.c_str(), path.c_str()) != 0) done = fail_errno("rename " + temporary);
    if (!done) ::unlink(temporary.c_str());
    return done;
}

int diff_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("diff CONTAINER", "Inspect changes to files or directories on a container's filesystem");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, 1, names, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto changes = (*engine)->get(fmt::format("/containers/{}/changes", http::encode_form(names[0])));
    if (!changes) return invocation.failed(changes.error());
    std::string out;
    for (const Json& change : *changes) {
        auto kind = static_cast<std::size_t>(number_of(change, "Kind"));
        out += fmt::format("{} {}\n", "CAD"[std::min<std::size_t>(kind, 2)], text_of(change, "Path"));
    }
    print(out);
    return 0;
}

int export_command(Invocation& invocation, const Arguments& arguments) {
    std::string path;
    Flags flags("export [OPTIONS] CONTAINER", "Export a container's filesystem as a tar archive");
    flags.text("output,o", &path, "string", "Write to a file, instead of STDOUT");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, 1, names, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto target = fmt::format("/containers/{}/export", http::encode_form(names[0]));
    auto saved = save_stream(**engine, target, path);
    return saved ? 0 : invocation.failed(saved.error());
}

int commit_command(Invocation& invocation, const Arguments& arguments) {
    std::vector<std::string> changes;
    std::string message, author;
    bool pause = true;
    Flags flags("commit [OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
                "Create a new image from a container's changes");
    flags.text("author,a", &author, "string", "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")");
    flags.list("change,c", &changes, "Apply Dockerfile instruction to the created image");
    flags.text("message,m", &message, "string", "Commit message");
    flags.toggle("pause,p", &pause, "Pause container during commit");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, 2, names, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    std::string target = "/commit?container=" + http::encode_form(names[0]);
    if (names.size() > 1) {
        ImageName name = split_name(names[1]);
        target += "&repo=" + http::encode_form(name.repository) + "&tag=" + http::encode_form(name.tag);
    }
    if (!message.empty()) target += "&comment=" + http::encode_form(message);
    if (!author.empty()) target += "&author=" + http::encode_form(author);
    for (const std::string& change : changes) target += "&changes=" + http::encode_form(change);
    if (!pause) target += "&pause=0";
    auto made = (*engine)->post(target);
    if (!made) return invocation.failed(made.error());
    print(text_of(*made, "Id") + "\n");
    return 0;
}

}  // namespace berth::cli
