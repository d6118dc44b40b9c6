#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/json.h"
#include "engine/base/result.h"

namespace berth::cli {

// Go's text/template as far as --format needs it, over JSON values: fields, pipelines, variables, if/else,
// range, with, comments, trim markers, and docker's functions (json, join, lower, upper, title, split,
// truncate, println, printf, len, index, slice, eq ne lt le gt ge, and or not, pad, table).
class Template {
 public:
    // Errors read as docker's: "template parsing error: template: :1: …".
    static Result<Template> parse(std::string_view text);
    Template(Template&&) noexcept;
    ~Template();

    // Errors: "template: :1:2: executing \"\" at <.X>: map has no entry for key \"X\"".
    Result<std::string> render(const Json& data) const;

 private:
    struct Node;
    explicit Template(std::unique_ptr<Node> root);
    std::unique_ptr<Node> root_;
    friend class TemplateParser;
    friend class TemplateRun;
};

}  // namespace berth::cli
