#include "engine/templates/template.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace berth::templates {
namespace {

Json data() {
    return Json::parse(R"({"Name":"web","State":{"Running":true,"Pid":42},"Ports":["80","443"],"Empty":[],
        "Labels":{"b":"2","a":"1"},"Nets":{"bridge":{"IP":"172.17.0.2"}},"None":null})");
}

std::string render(std::string_view text) {
    auto parsed = Template::parse(text);
    if (!parsed) return "parse: " + parsed.error().message;
    auto out = parsed->render(data());
    return out ? *out : "run: " + out.error().message;
}

TEST(Template, FieldsAndText) {
    EXPECT_EQ(render("{{.Name}}"), "web");
    EXPECT_EQ(render("<{{ .State.Pid }}> {{.State.Running}}"), "<42> true");
    EXPECT_EQ(render("{{.}}").substr(0, 4), "map[");
    EXPECT_EQ(render("{{.Ports}} {{.Labels}}"), "[80 443] map[a:1 b:2]");
    EXPECT_EQ(render("{{.None}}"), "<no value>");
}

TEST(Template, FunctionsAndPipelines) {
    EXPECT_EQ(render("{{json .Ports}}"), "[\"80\",\"443\"]");
    EXPECT_EQ(render("{{.Labels | json}}"), "{\"b\":\"2\",\"a\":\"1\"}");
    EXPECT_EQ(render("{{join .Ports \",\"}} {{upper .Name}} {{len .Ports}}"), "80,443 WEB 2");
    EXPECT_EQ(render("{{index .Ports 1}} {{index .Labels \"a\"}}"), "443 1");
    EXPECT_EQ(render("{{(index .Nets \"bridge\").IP}}"), "172.17.0.2");
    EXPECT_EQ(render("{{printf \"%-5s|%5s|%d\" .Name .Name 3}}"), "web  |  web|3");
    EXPECT_EQ(render("{{if eq .Name \"web\"}}yes{{else}}no{{end}}"), "yes");
    EXPECT_EQ(render("{{if and .State.Running (gt .State.Pid 100)}}a{{else if .Empty}}b{{else}}c{{end}}"),
              "c");
    EXPECT_EQ(render("{{println .Name}}"), "web\n");
}

TEST(Template, RangeWithAndVariables) {
    EXPECT_EQ(render("{{range .Ports}}[{{.}}]{{end}}"), "[80][443]");
    EXPECT_EQ(render("{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}"), "a=1;b=2;");
    EXPECT_EQ(render("{{range .Empty}}x{{else}}none{{end}}"), "none");
    EXPECT_EQ(render("{{with .State}}{{.Pid}} {{$.Name}}{{end}}"), "42 web");
    EXPECT_EQ(render("{{range .Nets}}{{.IP}}{{end}}"), "172.17.0.2");
    EXPECT_EQ(render("a {{- /* c */ -}} b"), "ab");
    EXPECT_EQ(render("{{range $i, $p := .Ports}}{{if $i}}, {{end}}{{$p}}{{end}}"), "80, 443");
}

TEST(Template, ErrorsAreGos) {
    EXPECT_NE(render("{{.Nope}}").find("map has no entry for key \"Nope\""), std::string::npos);
    EXPECT_NE(render("{{nope .}}").find("function \"nope\" not defined"), std::string::npos);
    EXPECT_NE(render("{{.Name").find("unclosed action"), std::string::npos);
    EXPECT_NE(render("{{if .Name}}x").find("unexpected EOF"), std::string::npos);
    EXPECT_NE(render("{{index .Ports 7}}").find("out of range"), std::string::npos);
    EXPECT_NE(render("{{json}}").find("wrong number of args for json"), std::string::npos);
}

std::string tag(std::string_view text) {
    const Json info{{"Name", "web"}, {"Labels", Json{{"a", "1"}}}, {"Args", Json::array()}};
    auto parsed = Template::parse(text, {"log-tag", "", "*logger.Info"});
    if (!parsed) return parsed.error().message;
    auto out = parsed->render(info);
    return out ? *out : out.error().message;
}

TEST(Template, OfAStructOfGos) {
    constexpr const char* kUnknown =
        "template: log-tag:1:2: executing \"log-tag\" at <.{}>: can't evaluate field {} in ";
    for (const char* name : {"Nope", "name"})
        EXPECT_EQ(tag(fmt::format("{{{{.{}}}}}", name)),
                  fmt::format(fmt::runtime(kUnknown), name, name) + "type *logger.Info");
    EXPECT_EQ(tag("{{.Labels.a}}{{.Labels.none}}|{{$.Labels.a}}"), "1|1");
    EXPECT_EQ(tag("{{nope}}"), "template: log-tag:1: function \"nope\" not defined");
}

TEST(Template, AsksForNoMoreThanThereIs) {
    EXPECT_EQ(tag("{{pad .Name 1 2}}|{{truncate .Name 2}}"), " web  |we");
    EXPECT_EQ(tag("{{pad .Name 1 9999999999}}"), "error calling pad: wrong type of argument");
    EXPECT_EQ(tag("{{pad .Name -1 2}}"), "error calling pad: wrong type of argument");
    EXPECT_EQ(tag("{{printf \"%99999999s\" .Name}}"), "error calling printf: wrong type of argument");
    EXPECT_EQ(tag("{{(((.Name)))}}"), "web");
    EXPECT_EQ(tag("{{" + std::string(5000, '(') + "}}"),
              "template: log-tag:1: max expression depth exceeded");
    std::string blocks;
    for (int i = 0; i < 5000; ++i) blocks += "{{if .}}";
    EXPECT_EQ(tag(blocks), "template: log-tag:1: max expression depth exceeded");
}

}  // namespace
}  // namespace berth::templates
