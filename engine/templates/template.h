#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth::templates {

// Keeps the order of keys.
using Json = nlohmann::ordered_json;

// How a template is spoken of in errors, and what its data are to Go.
struct Kind {
    std::string name;    // "log-tag"
    std::string phrase;  // before an error of parsing
    // Of the data, if they are a struct: a field that is not there is named with it. "": they are a map, or
    // may be spelled in another case.
    std::string type;
};
// docker's --format.
inline const Kind kFormat{"", "template parsing error: ", ""};

// Go's text/template over JSON values: fields, pipelines, variables, if/else, range, with, comments, trim
// markers, and docker's functions (json, join, lower, upper, title, split, truncate, println, printf, len,
// index, slice, eq ne lt le gt ge, and or not, pad, table).
class Template {
 public:
    // Errors read as docker's: "template parsing error: template: :1: …".
    static Result<Template> parse(std::string_view text, Kind kind = kFormat);
    Template(Template&&) noexcept;
    ~Template();

    // Errors: "template: :1:2: executing \"\" at <.X>: map has no entry for key \"X\"".
    Result<std::string> render(const Json& data) const;

    struct Node;

 private:
    Template(Kind kind, std::unique_ptr<Node> root);
    Kind kind_;
    std::unique_ptr<Node> root_;
};

}  // namespace berth::templates
