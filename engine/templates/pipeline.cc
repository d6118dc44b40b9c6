#include "engine/templates/pipeline.h"

#include <fmt/format.h>

namespace berth::templates {

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

bool name_char(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

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
    // joined[i]: token i follows token i-1 without a blank.
    PipelineParser(std::vector<Token> tokens, std::vector<bool> joined, std::string text)
        : tokens_(std::move(tokens)), joined_(std::move(joined)), text_(std::move(text)) {}

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
                if (++depth_ > kMaxDepth) return syntax("max expression depth exceeded");
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

    std::vector<Token> tokens_;
    std::vector<bool> joined_;
    std::string text_;
    std::size_t at_ = 0;
    int depth_ = 0;  // parentheses so far: none is forgotten, which is strict enough
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

}  // namespace

Failure syntax(std::string message) {
    return fail(ErrorKind::kInvalidArgument, ":1: " + std::move(message));
}

Result<Pipeline> parse_pipeline(std::string_view text) {
    BERTH_TRY(std::vector<Token> tokens, tokenize(text));
    auto joined = joined_tokens(text, tokens.size());
    return PipelineParser(std::move(tokens), std::move(joined), std::string(text)).parse();
}

}  // namespace berth::templates
