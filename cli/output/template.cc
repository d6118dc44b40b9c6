#include "cli/output/template.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "cli/output/template_functions.h"

namespace berth::cli {

namespace {

struct Token {
    enum class Kind {
        kField,
        kDot,
        kVariable,
        kWord,
        kString,
        kNumber,
        kPipe,
        kOpen,
        kClose,
        kAssign,
        kEnd
    } kind;
    std::string text;
};

Failure syntax(std::string message) {
    return fail(ErrorKind::kInvalidArgument, "template parsing error: template: :1: " + std::move(message));
}

bool name_char(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

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

Result<std::vector<Token>> tokenize(std::string_view text) {
    using Kind = Token::Kind;
    std::vector<Token> tokens;
    std::size_t at = 0;
    auto name = [&] {
        std::size_t start = at;
        while (at < text.size() && name_char(text[at])) ++at;
        return std::string(text.substr(start, at - start));
    };
    while (at < text.size()) {
        char c = text[at];
        if (std::isspace(static_cast<unsigned char>(c)) != 0 || c == ',') {
            ++at;
        } else if (c == '|') {
            tokens.push_back({Kind::kPipe, "|"}), ++at;
        } else if (c == '(') {
            tokens.push_back({Kind::kOpen, "("}), ++at;
        } else if (c == ')') {
            tokens.push_back({Kind::kClose, ")"}), ++at;
        } else if (text.substr(at, 2) == ":=") {
            tokens.push_back({Kind::kAssign, ":="}), at += 2;
        } else if (c == '.') {
            ++at;
            std::string field = name();
            tokens.push_back({field.empty() ? Kind::kDot : Kind::kField, field});
        } else if (c == '$') {
            ++at;
            tokens.push_back({Kind::kVariable, name()});
        } else if (c == '"' || c == '`') {
            std::string value;
            for (++at; at < text.size() && text[at] != c; ++at) {
                if (c == '"' && text[at] == '\\' && at + 1 < text.size()) {
                    char escaped = text[++at];
                    value += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
                } else {
                    value += text[at];
                }
            }
            if (at == text.size()) return syntax("unterminated quoted string");
            ++at;
            tokens.push_back({Kind::kString, value});
        } else if (std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '-') {
            std::size_t start = at++;
            while (at < text.size() && (name_char(text[at]) || text[at] == '.')) ++at;
            tokens.push_back({Kind::kNumber, std::string(text.substr(start, at - start))});
        } else if (name_char(c)) {
            tokens.push_back({Kind::kWord, name()});
        } else {
            return syntax(fmt::format("unexpected \"{}\" in operand", c));
        }
    }
    tokens.push_back({Kind::kEnd, ""});
    return tokens;
}

class PipelineParser {
 public:
    PipelineParser(std::vector<Token> tokens, std::string text)
        : tokens_(std::move(tokens)), text_(std::move(text)) {}

    Result<Pipeline> parse() {
        BERTH_TRY(Pipeline pipeline, pipeline_until(Token::Kind::kEnd));
        return pipeline;
    }

 private:
    const Token& peek() const { return tokens_[at_]; }

    Result<Pipeline> pipeline_until(Token::Kind end) {
        Pipeline pipeline;
        pipeline.text = text_;
        std::size_t start = at_;
        while (peek().kind == Token::Kind::kVariable) pipeline.variables.push_back(tokens_[at_++].text);
        if (peek().kind == Token::Kind::kAssign) {
            ++at_;
        } else {
            pipeline.variables.clear();
            at_ = start;
        }
        while (true) {
            BERTH_TRY(CommandCall call, command(end));
            pipeline.commands.push_back(std::move(call));
            if (peek().kind == end) {
                ++at_;
                return pipeline;
            }
            ++at_;  // the pipe
        }
    }

    Result<CommandCall> command(Token::Kind end) {
        CommandCall call;
        while (peek().kind != Token::Kind::kPipe && peek().kind != end) {
            if (peek().kind == Token::Kind::kEnd) return syntax("unclosed left paren");
            BERTH_TRY(Operand word, operand());
            // ".A.B" comes as two field tokens: the second continues the first when no blank was between; a
            // blank followed by a field is another argument, which docker's formats do not write without
            // parentheses.
            call.words.push_back(std::move(word));
        }
        if (call.words.empty()) return syntax("missing value for command");
        return call;
    }

    Result<Operand> operand() {
        using Kind = Token::Kind;
        Token token = tokens_[at_++];
        Operand operand;
        switch (token.kind) {
            case Kind::kString:
                operand.literal = token.text;
                return operand;
            case Kind::kNumber: {
                Json number = Json::parse(token.text, nullptr, false);
                if (number.is_discarded())
                    return syntax(fmt::format("bad number syntax: \"{}\"", token.text));
                operand.literal = std::move(number);
                return operand;
            }
            case Kind::kDot:
                operand.kind = Operand::Kind::kField;
                break;
            case Kind::kField:
                operand.kind = Operand::Kind::kField;
                operand.chain.push_back(token.text);
                break;
            case Kind::kVariable:
                operand.kind = Operand::Kind::kVariable;
                operand.name = token.text;
                break;
            case Kind::kOpen: {
                operand.kind = Operand::Kind::kGroup;
                BERTH_TRY(Pipeline inner, pipeline_until(Kind::kClose));
                operand.group = std::make_shared<Pipeline>(std::move(inner));
                break;
            }
            case Kind::kWord:
                if (token.text == "true" || token.text == "false") {
                    operand.literal = token.text == "true";
                } else if (token.text == "nil") {
                    operand.literal = nullptr;
                } else if (is_template_function(token.text)) {
                    operand.kind = Operand::Kind::kFunction;
                    operand.name = token.text;
                } else {
                    return syntax(fmt::format("function \"{}\" not defined", token.text));
                }
                return operand;
            default:
                return syntax(fmt::format("unexpected \"{}\" in command", token.text));
        }
        // A chain goes on while fields follow directly; tokens keep no blanks, so a field after anything but
        // a bare dot belongs to it. (`index .A .B`: the word before is another operand, handled by the chain
        // marker.)
        while (peek().kind == Kind::kField && peek().text.front() != ' ' && joined_[at_]) {
            operand.chain.push_back(tokens_[at_++].text);
        }
        return operand;
    }

 public:
    // joined_[i]: token i follows token i-1 without a blank.
    std::vector<bool> joined_;

 private:
    std::vector<Token> tokens_;
    std::string text_;
    std::size_t at_ = 0;
};

// Whether each token was written directly after the one before it.
std::vector<bool> joined_tokens(std::string_view text, std::size_t count) {
    std::vector<bool> joined;
    bool blank = true;
    char quote = 0;
    std::size_t at = 0;
    while (at < text.size() && joined.size() < count) {
        char c = text[at];
        if (std::isspace(static_cast<unsigned char>(c)) != 0 || c == ',') {
            blank = true;
            ++at;
            continue;
        }
        joined.push_back(!blank);
        blank = false;
        if (c == '"' || c == '`') {
            quote = c;
            for (++at; at < text.size() && text[at] != quote; ++at) {
                if (quote == '"' && text[at] == '\\') ++at;
            }
            ++at;
        } else if (c == '.' || c == '$') {
            for (++at; at < text.size() && name_char(text[at]);) ++at;
        } else if (text.substr(at, 2) == ":=") {
            at += 2;
        } else if (name_char(c) || c == '-') {
            bool number = std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '-';
            for (++at; at < text.size() && (name_char(text[at]) || (number && text[at] == '.'));) ++at;
        } else {
            ++at;
        }
    }
    joined.resize(count, false);
    return joined;
}

Result<Pipeline> parse_pipeline(std::string_view text) {
    BERTH_TRY(std::vector<Token> tokens, tokenize(text));
    std::size_t count = tokens.size();
    PipelineParser parser(std::move(tokens), std::string(text));
    parser.joined_ = joined_tokens(text, count);
    return parser.parse();
}

}  // namespace

struct Template::Node {
    enum class Kind { kList, kText, kOutput, kIf, kRange, kWith } kind = Kind::kList;
    std::string text;
    Pipeline pipeline;
    std::vector<std::unique_ptr<Node>> body, otherwise;
};

Template::Template(std::unique_ptr<Node> root) : root_(std::move(root)) {}
Template::Template(Template&&) noexcept = default;
Template::~Template() = default;

// Text to tree: each {{…}} opens, closes or is a leaf.
class TemplateParser {
 public:
    explicit TemplateParser(std::string_view text) : rest_(text) {}

    Result<std::unique_ptr<Template::Node>> parse() {
        auto root = std::make_unique<Template::Node>();
        std::string end;
        BERTH_CHECK(list(root->body, end));
        if (!end.empty()) return syntax(fmt::format("unexpected {{{{{}}}}}", end));
        return root;
    }

 private:
    using Node = Template::Node;
    using Nodes = std::vector<std::unique_ptr<Node>>;

    // Reads nodes until {{end}} or {{else…}}, whose word is left in `end`; "" at the end of the text.
    Result<> list(Nodes& nodes, std::string& end) {
        while (!rest_.empty()) {
            auto open = rest_.find("{{");
            std::string_view text = rest_.substr(0, open);
            if (open == std::string_view::npos) {
                add_text(nodes, text);
                rest_ = {};
                return {};
            }
            rest_.remove_prefix(open + 2);
            bool trim_left = rest_.starts_with("- ");
            if (trim_left) rest_.remove_prefix(1);
            if (trim_left) text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
            add_text(nodes, text);
            auto close = rest_.find("}}");
            if (close == std::string_view::npos) return syntax("unclosed action");
            std::string_view action = rest_.substr(0, close);
            rest_.remove_prefix(close + 2);
            if (action.ends_with(" -")) {
                action.remove_suffix(2);
                auto next = rest_.find_first_not_of(" \t\r\n");
                rest_.remove_prefix(next == std::string_view::npos ? rest_.size() : next);
            }
            BERTH_TRY(bool ended, take(nodes, action, end));
            if (ended) return {};
        }
        return {};
    }

    static void add_text(Nodes& nodes, std::string_view text) {
        if (text.empty()) return;
        auto node = std::make_unique<Node>();
        node->kind = Node::Kind::kText;
        node->text = text;
        nodes.push_back(std::move(node));
    }

    Result<bool> take(Nodes& nodes, std::string_view action, std::string& end) {
        auto first = action.find_first_not_of(" \t\r\n");
        if (first == std::string_view::npos) return syntax("missing value for command");
        action.remove_prefix(first);
        action = action.substr(0, action.find_last_not_of(" \t\r\n") + 1);
        if (action.starts_with("/*")) return false;
        std::string_view word = action.substr(0, action.find_first_of(" \t"));
        if (word == "end" || word == "else") {
            end = action;
            return true;
        }
        auto node = std::make_unique<Node>();
        std::string_view rest = action;
        if (word == "if" || word == "range" || word == "with") {
            node->kind = word == "if"      ? Node::Kind::kIf
                         : word == "range" ? Node::Kind::kRange
                                           : Node::Kind::kWith;
            rest = action.substr(word.size());
            BERTH_TRY(node->pipeline, parse_pipeline(rest));
            BERTH_CHECK(block(*node));
        } else {
            node->kind = Node::Kind::kOutput;
            BERTH_TRY(node->pipeline, parse_pipeline(rest));
        }
        nodes.push_back(std::move(node));
        return false;
    }

    // The inside of if/range/with, up to its {{end}}; {{else if …}} nests.
    Result<> block(Node& node) {
        std::string end;
        BERTH_CHECK(list(node.body, end));
        if (end.starts_with("else if ") || end.starts_with("else with ")) {
            auto inner = std::make_unique<Node>();
            inner->kind = end.starts_with("else if ") ? Node::Kind::kIf : Node::Kind::kWith;
            BERTH_TRY(inner->pipeline, parse_pipeline(std::string_view(end).substr(end.find(' ', 5))));
            BERTH_CHECK(block(*inner));
            node.otherwise.push_back(std::move(inner));
            return {};
        }
        if (end == "else") {
            end.clear();
            BERTH_CHECK(list(node.otherwise, end));
        }
        if (end != "end") return syntax("unexpected EOF");
        return {};
    }

    std::string_view rest_;
};

Result<Template> Template::parse(std::string_view text) {
    BERTH_TRY(auto root, TemplateParser(text).parse());
    return Template(std::move(root));
}

// docker runs templates on Go structs, whose fields differ from our JSON's by case alone (APIVersion,
// ApiVersion): where the name itself is not there, one that is alike counts.
const Json* field_of(const Json& object, const std::string& name) {
    if (!object.is_object()) return nullptr;
    if (auto exact = object.find(name); exact != object.end()) return &*exact;
    for (const auto& [key, value] : object.items()) {
        if (::strcasecmp(key.c_str(), name.c_str()) == 0) return &value;
    }
    return nullptr;
}

// Walks the tree with the dot and the variables in scope.
class TemplateRun {
 public:
    explicit TemplateRun(const Json& data) { variables_[""] = data; }

    Result<> list(const std::vector<std::unique_ptr<Template::Node>>& nodes, const Json& dot) {
        for (const auto& node : nodes) BERTH_CHECK(one(*node, dot));
        return {};
    }

    std::string out;

 private:
    using Node = Template::Node;

    Result<> one(const Node& node, const Json& dot) {
        if (node.kind == Node::Kind::kText) {
            out += node.text;
            return {};
        }
        BERTH_TRY(Json value, evaluate(node.pipeline, dot));
        switch (node.kind) {
            case Node::Kind::kOutput:
                if (node.pipeline.variables.empty()) out += printed(value);
                return {};
            case Node::Kind::kIf:
                return list(truth(value) ? node.body : node.otherwise, dot);
            case Node::Kind::kWith:
                return truth(value) ? list(node.body, value) : list(node.otherwise, dot);
            case Node::Kind::kRange:
                return range(node, value, dot);
            default:
                return {};
        }
    }

    Result<> range(const Node& node, const Json& value, const Json& dot) {
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

    Result<Json> evaluate(const Pipeline& pipeline, const Json& dot) {
        std::optional<Json> piped;
        for (const CommandCall& call : pipeline.commands) {
            BERTH_TRY(Json value, command(call, dot, piped, pipeline.text));
            piped = std::move(value);
        }
        if (pipeline.variables.size() == 1) variables_[pipeline.variables[0]] = *piped;
        return std::move(*piped);
    }

    Result<Json> command(const CommandCall& call, const Json& dot, const std::optional<Json>& piped,
                         const std::string& text) {
        const Operand& first = call.words.front();
        if (first.kind != Operand::Kind::kFunction) {
            if (call.words.size() > 1 || piped) {
                return fail(
                    ErrorKind::kInvalidArgument,
                    fmt::format("template: :1: executing \"\" at <{}>: can't give argument to non-function",
                                text));
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

    Result<Json> operand(const Operand& word, const Json& dot) {
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

    static Result<Json> follow(const Json& start, const std::vector<std::string>& chain) {
        const Json* at = &start;
        for (const std::string& name : chain) {
            if (at->is_null()) {
                return fail(
                    ErrorKind::kInvalidArgument,
                    fmt::format(
                        "template: :1:2: executing \"\" at <.{}>: nil pointer evaluating interface {{}}.{}",
                        fmt::join(chain, "."), name));
            }
            const Json* found = field_of(*at, name);
            if (found == nullptr) {
                return fail(
                    ErrorKind::kInvalidArgument,
                    fmt::format("template: :1:2: executing \"\" at <.{}>: map has no entry for key \"{}\"",
                                fmt::join(chain, "."), name));
            }
            at = found;
        }
        return *at;
    }

    std::map<std::string, Json> variables_;
};

Result<std::string> Template::render(const Json& data) const {
    TemplateRun run(data);
    BERTH_CHECK(run.list(root_->body, data));
    return std::move(run.out);
}

}  // namespace berth::cli
