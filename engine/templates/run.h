#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/templates/pipeline.h"
#include "engine/templates/template.h"

namespace berth::templates {

// A piece of text, an action, or a block with what is inside of it.
struct Template::Node {
    enum class Kind { kList, kText, kOutput, kIf, kRange, kWith } kind = Kind::kList;
    std::string text;
    Pipeline pipeline;
    std::vector<std::unique_ptr<Node>> body, otherwise;
};

// Walks a tree with the dot and the variables in scope. Errors begin with the place: ":1:2: executing …".
class TemplateRun {
 public:
    using Nodes = std::vector<std::unique_ptr<Template::Node>>;
    TemplateRun(const Json& data, const Kind& kind) : kind_(kind), data_(data) { variables_[""] = data; }

    Result<> list(const Nodes& nodes, const Json& dot);

    std::string out;

 private:
    Result<> one(const Template::Node& node, const Json& dot);
    Result<> range(const Template::Node& node, const Json& value, const Json& dot);
    Result<Json> evaluate(const Pipeline& pipeline, const Json& dot);
    Result<Json> command(const CommandCall& call, const Json& dot, const std::optional<Json>& piped,
                         const std::string& text);
    Result<Json> operand(const Operand& word, const Json& dot);
    Result<Json> follow(const Json& start, const std::vector<std::string>& chain) const;
    // Whether it is Go's struct, whose fields are known, rather than a map in it.
    bool is_struct(const Json& value) const;
    const Json* field_of(const Json& object, const std::string& name) const;
    Failure failed(const std::string& at, const std::string& why) const;

    const Kind& kind_;
    const Json& data_;
    std::map<std::string, Json> variables_;
};

}  // namespace berth::templates
