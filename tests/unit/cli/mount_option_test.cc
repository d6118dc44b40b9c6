#include "cli/commands/mount_option.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace berth::cli {
namespace {

std::string said(const std::string& text) {
    auto mount = mount_option(text);
    // By name, whatever the order they were given in.
    if (mount) return nlohmann::json::parse(mount->dump()).dump();
    const std::string phrase = "invalid argument \"" + text + "\" for \"--mount\" flag: ";
    EXPECT_EQ(mount.error().message.substr(0, phrase.size()), phrase);
    return mount.error().message.substr(phrase.size());
}

TEST(MountOption, BecomesTheApisObject) {
    EXPECT_EQ(said("dst=/m"), R"({"Target":"/m","Type":"volume"})");
    EXPECT_EQ(said("Type=Bind,SRC=/a,target=/m,RO"),
              R"({"ReadOnly":true,"Source":"/a","Target":"/m","Type":"bind"})");
    EXPECT_EQ(said("type=bind,src=/a,dst=/m,ro=FALSE,bind-recursive=enabled,consistency=cached"),
              R"({"Consistency":"cached","ReadOnly":false,"Source":"/a","Target":"/m","Type":"bind"})");
    EXPECT_EQ(said("type=bind,src=/a,dst=/m,ro,bind-recursive=readonly,bind-propagation=rprivate"),
              R"({"BindOptions":{"Propagation":"rprivate","ReadOnlyForceRecursive":true},"ReadOnly":true,)"
              R"("Source":"/a","Target":"/m","Type":"bind"})");
    EXPECT_EQ(said("src=v,dst=/m,\"volume-opt=o=a,b\",volume-label=x=\"\"\"\""),
              "parse error on line 1, column "
              "48: bare \" in non-quoted-field");
    EXPECT_EQ(
        said("src=v,dst=/m,\"volume-opt=o=a,b\",volume-label=x=y,volume-driver=local,volume-nocopy"),
        R"({"Source":"v","Target":"/m","Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"local",)"
        R"("Options":{"o":"a,b"}},"Labels":{"x":"y"},"NoCopy":true}})");
    EXPECT_EQ(said("type=tmpfs,dst=/m,tmpfs-size=1m,tmpfs-mode=1770"),
              R"({"Target":"/m","TmpfsOptions":{"Mode":1016,"SizeBytes":1048576},"Type":"tmpfs"})");
    EXPECT_EQ(said("type=image,src=busybox,dst=/m,image-subpath=etc"),
              R"({"ImageOptions":{"Subpath":"etc"},"Source":"busybox","Target":"/m","Type":"image"})");
}

TEST(MountOption, RefusalsAreDockers) {
    const std::pair<const char*, const char*> kCases[] = {
        {"", "EOF"},
        {"type=bind", "target is required"},
        {"type=bind,dst=/m,foo=bar", "unexpected key 'foo' in 'foo=bar'"},
        {"type=bind,dst=/m,foo", "invalid field 'foo' must be a key=value pair"},
        {"type=bind,,dst=/m", "invalid field '' must be a key=value pair"},
        {"type=bind,dst=/m,ro=x", "invalid value for ro: x"},
        {"type=bind,dst=/m,bind-nonrecursive=x", "invalid value for bind-nonrecursive: x"},
        {"type=bind,dst=/m,bind-recursive=foo",
         "invalid value for bind-recursive: foo (must be \"enabled\", \"disabled\", \"writable\", or "
         "\"readonly\")"},
        {"type=bind,dst=/m,bind-recursive=readonly",
         "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction"},
        {"type=bind,dst=/m,bind-recursive=readonly,ro",
         "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in "
         "conjunction"},
        {"type=bind,dst=/m,bind-recursive=writable",
         "option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction"},
        {"type=bind,dst=/m,volume-nocopy", "cannot mix 'volume-*' options with mount type 'bind'"},
        {"type=volume,dst=/m,bind-propagation=rprivate",
         "cannot mix 'bind-*' options with mount type 'volume'"},
        {"dst=/m,tmpfs-size=1m", "cannot mix 'tmpfs-*' options with mount type 'volume'"},
        {"type=tmpfs,dst=/m,tmpfs-size=x", "invalid value for tmpfs-size: x"},
        {"type=tmpfs,dst=/m,tmpfs-size=-1", "invalid value for tmpfs-size: -1"},
        {"type=tmpfs,dst=/m,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"},
        {" type=bind,dst=/m", "unexpected key ' type' in ' type=bind'"},
        {"type=bind,src=\"a,dst=/m", "parse error on line 1, column 15: bare \" in non-quoted-field"}};
    for (const auto& [text, message] : kCases) EXPECT_EQ(said(text), message) << text;
}

TEST(BindOption, RelativeSourcesAndEmptySections) {
    EXPECT_EQ(*bind_option("/a:/b:ro"), "/a:/b:ro");
    EXPECT_EQ(*bind_option("name:/b"), "name:/b");
    EXPECT_TRUE(bind_option("./x:/b")->starts_with("/"));
    EXPECT_EQ(bind_option("").error().message, "invalid empty volume spec");
    for (const char* text : {":/m", "/x:", "a::b"})
        EXPECT_EQ(bind_option(text).error().message,
                  std::string("invalid spec: ") + text + ": empty section between colons");
}

}  // namespace
}  // namespace berth::cli
