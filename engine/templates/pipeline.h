#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/templates/functions.h"

// What is inside of {{…}}: .Labels | json, or $i, $x := index .Nets "a".
namespace berth::templates {

// Nesting of any kind beyond this is refused: what is read here may come from anybody.
inline constexpr int kMaxDepth = 100;

// One operand: a literal, a field chain on the dot, a variable or a parenthesis, or a function's name.
struct Operand {
    enum class Kind { kLiteral, kField, kVariable, kFunction, kGroup } kind = Kind::kLiteral;
    Json literal;
    std::string name;                // of the variable or function
    std::vector<std::string> chain;  // .A.B after it
    std::shared_ptr<struct Pipeline> group;
};

struct CommandCall {
    std::vector<Operand> words;
};

struct Pipeline {
    std::vector<std::string> variables;  // declared: $x := or $i, $x :=
    std::vector<CommandCall> commands;
    std::string text;
};

Result<Pipeline> parse_pipeline(std::string_view text);

// An error of the language, after the place that Go names: ":1: MESSAGE".
Failure syntax(std::string message);

}  // namespace berth::templates
