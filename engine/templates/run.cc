#include "engine/templates/run.h"

#include <fmt/format.h>
#include <strings.h>

namespace berth::templates {

Result<> TemplateRun::list(const Nodes& nodes, const Json& dot) {
    for (const auto& node : nodes) BERTH_CHECK(one(*node, dot));
    return {};
}

Result<> TemplateRun::one(const Template::Node& node, const Json& dot) {
    if (node.kind == Template::Node::Kind::kText) {
        out += node.text;
        return {};
    }
    BERTH_TRY(Json value, evaluate(node.pipeline, dot));
    switch (node.kind) {
        case Template::Node::Kind::kOutput:
            if (node.pipeline.variables.empty()) out += printed(value);
            return {};
        case Template::Node::Kind::kIf:
            return list(truth(value) ? node.body : node.otherwise, dot);
        case Template::Node::Kind::kWith:
            return truth(value) ? list(node.body, value) : list(node.otherwise, dot);
        case Template::Node::Kind::kRange:
            return range(node, value, dot);
        default:
            return {};
    }
}

Result<> TemplateRun::range(const Template::Node& node, const Json& value, const Json& dot) {
    if (value.empty()) return list(node.otherwise, dot);
    if (!value.is_structured())
        return fail(ErrorKind::kInvalidArgument, "range can't iterate over " + printed(value));
    auto each = [&](const Json& key, const Json& item) -> Result<> {
        const auto& names = node.pipeline.variables;
        if (names.size() == 1) variables_[names[0]] = item;
        if (names.size() == 2) variables_[names[0]] = key, variables_[names[1]] = item;
        return list(node.body, item);
    };
    if (value.is_array()) {
        for (std::size_t i = 0; i < value.size(); ++i) BERTH_CHECK(each(i, value[i]));
        return {};
    }
    std::map<std::string, Json> sorted(value.get<std::map<std::string, Json>>());
    for (const auto& [key, item] : sorted) BERTH_CHECK(each(key, item));
    return {};
}

Result<Json> TemplateRun::evaluate(const Pipeline& pipeline, const Json& dot) {
    std::optional<Json> piped;
    for (const CommandCall& call : pipeline.commands) {
        BERTH_TRY(Json value, command(call, dot, piped, pipeline.text));
        piped = std::move(value);
    }
    if (pipeline.variables.size() == 1) variables_[pipeline.variables[0]] = *piped;
    return std::move(*piped);
}

Result<Json> TemplateRun::command(const CommandCall& call, const Json& dot, const std::optional<Json>& piped,
                                  const std::string& text) {
    const Operand& first = call.words.front();
    if (first.kind != Operand::Kind::kFunction) {
        if (call.words.size() > 1 || piped) {
            return failed(text, "can't give argument to non-function");
        }
        return operand(first, dot);
    }
    std::vector<Json> arguments;
    for (std::size_t i = 1; i < call.words.size(); ++i) {
        BERTH_TRY(Json value, operand(call.words[i], dot));
        arguments.push_back(std::move(value));
    }
    if (piped) arguments.push_back(*piped);
    return call_template_function(first.name, std::move(arguments));
}

Result<Json> TemplateRun::operand(const Operand& word, const Json& dot) {
    switch (word.kind) {
        case Operand::Kind::kLiteral:
            return word.literal;
        case Operand::Kind::kFunction:
            return call_template_function(word.name, {});
        case Operand::Kind::kField:
            return follow(dot, word.chain);
        case Operand::Kind::kGroup: {
            BERTH_TRY(Json value, evaluate(*word.group, dot));
            return follow(value, word.chain);
        }
        case Operand::Kind::kVariable: {
            auto found = variables_.find(word.name);
            if (found == variables_.end())
                return syntax(fmt::format("undefined variable \"${}\"", word.name));
            return follow(found->second, word.chain);
        }
    }
    return Json();
}

Result<Json> TemplateRun::follow(const Json& start, const std::vector<std::string>& chain) const {
    const Json* at = &start;
    for (const std::string& name : chain) {
        const std::string path = "." + fmt::format("{}", fmt::join(chain, "."));
        if (at->is_null()) return failed(path, "nil pointer evaluating interface {}." + name);
        const Json* found = field_of(*at, name);
        if (found == nullptr && is_struct(*at))
            return failed(path, "can't evaluate field " + name + " in type " + kind_.type);
        // A map of texts has an empty one for each other key.
        if (found == nullptr && !kind_.type.empty()) return Json("");
        if (found == nullptr) return failed(path, "map has no entry for key \"" + name + "\"");
        at = found;
    }
    return *at;
}

bool TemplateRun::is_struct(const Json& value) const {
    return !kind_.type.empty() && (&value == &data_ || &value == &variables_.at(""));
}

// docker runs templates on Go structs, whose fields differ from the JSON's by case alone (APIVersion,
// ApiVersion): where the name itself is not there, one that is alike counts.
const Json* TemplateRun::field_of(const Json& object, const std::string& name) const {
    if (!object.is_object()) return nullptr;
    if (auto exact = object.find(name); exact != object.end()) return &*exact;
    if (!kind_.type.empty()) return nullptr;
    for (const auto& [key, value] : object.items()) {
        if (::strcasecmp(key.c_str(), name.c_str()) == 0) return &value;
    }
    return nullptr;
}

Failure TemplateRun::failed(const std::string& at, const std::string& why) const {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format(":1:2: executing \"{}\" at <{}>: {}", kind_.name, at, why));
}

}  // namespace berth::templates
