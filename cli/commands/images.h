#pragma once

#include "cli/commands/command.h"

namespace berth::cli {

// Pulls and draws docker's progress lines, on stderr for `run`. An error in the stream is the result.
enum class Tags { kOne, kAll };
Result<> pull_image(Engine& engine, const Settings& settings, const std::string& name,
                    const std::string& platform, bool quiet, int out_fd, Tags tags = Tags::kOne);

struct ImageName {
    std::string repository, tag;
};
// "host:5000/x:1" to its parts; a digest counts as the tag.
ImageName split_name(const std::string& name);

int images_command(Invocation& invocation, const Arguments& arguments);
int pull_command(Invocation& invocation, const Arguments& arguments);
int load_command(Invocation& invocation, const Arguments& arguments);
int save_command(Invocation& invocation, const Arguments& arguments);
int import_command(Invocation& invocation, const Arguments& arguments);
int tag_command(Invocation& invocation, const Arguments& arguments);
int rmi_command(Invocation& invocation, const Arguments& arguments);
int history_command(Invocation& invocation, const Arguments& arguments);

}  // namespace berth::cli
