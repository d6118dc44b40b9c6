#include "engine/templates/template.h"

#include <fmt/format.h>

#include "engine/templates/pipeline.h"
#include "engine/templates/run.h"

namespace berth::templates {

namespace {

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
        if (++depth_ > kMaxDepth) return syntax("max expression depth exceeded");
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
    int depth_ = 0;  // blocks so far
};

Failure named(const Kind& kind, const std::string& phrase, Error error) {
    if (error.message.starts_with(":1:")) error.message = phrase + "template: " + kind.name + error.message;
    return Failure(std::move(error));
}

}  // namespace

Template::Template(Kind kind, std::unique_ptr<Node> root) : kind_(std::move(kind)), root_(std::move(root)) {}
Template::Template(Template&&) noexcept = default;
Template::~Template() = default;

Result<Template> Template::parse(std::string_view text, Kind kind) {
    auto root = TemplateParser(text).parse();
    if (!root) return named(kind, kind.phrase, std::move(root.error()));
    return Template(std::move(kind), std::move(*root));
}

Result<std::string> Template::render(const Json& data) const {
    TemplateRun run(data, kind_);
    auto done = run.list(root_->body, data);
    if (!done) return named(kind_, "", std::move(done.error()));
    return std::move(run.out);
}

}  // namespace berth::templates
