#include <gtest/gtest.h>
#include <signal.h>

#include "engine/container/label_filter.h"
#include "engine/container/list_entry.h"
#include "engine/container/names.h"
#include "engine/container/ports.h"
#include "engine/container/signals.h"
#include "engine/container/state_machine.h"
#include "engine/sys/detach_keys.h"

namespace berth::container {
namespace {

using namespace std::chrono_literals;

TEST(Names, FollowDockersGrammar) {
    EXPECT_EQ(*check_name("/web_1.a-b"), "web_1.a-b");
    for (const char* name : {"", "a", "-ab", "a b", "a/b", "é1", "/"}) {
        auto checked = check_name(name);
        ASSERT_FALSE(checked) << name;
        EXPECT_EQ(checked.error().message, "Invalid container name (" + std::string(name) +
                                               "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
    }
    EXPECT_TRUE(check_name(random_name(0)));
    EXPECT_TRUE(check_name(random_name(3)));
}

TEST(Signals, ByNameAndNumber) {
    EXPECT_EQ(*parse_signal("TERM"), SIGTERM);
    EXPECT_EQ(*parse_signal("sigKill"), SIGKILL);
    EXPECT_EQ(*parse_signal("9"), 9);
    EXPECT_EQ(*parse_signal("RTMIN+3"), 37);
    EXPECT_EQ(*parse_signal("SIGRTMAX-1"), 63);
    for (const char* text : {"", "0", "65", "-1", "FOO", "RTMIN+", "RTMIN+31", "SIG", "9x"}) {
        EXPECT_FALSE(parse_signal(text)) << text;
    }
}

TEST(StateMachine, ExitCodesOfFailedStarts) {
    auto code = [](const char* text) {
        return after_failed_start(State(), Error{ErrorKind::kInternal, text}).exit_code;
    };
    EXPECT_EQ(code("OCI runtime create failed: exec: \"x\": executable file not found in $PATH"), 127);
    EXPECT_EQ(code("OCI runtime create failed: stat /x: no such file or directory"), 127);
    EXPECT_EQ(code("OCI runtime create failed: exec: \"/etc\": permission denied"), 126);
    EXPECT_EQ(code("gathering device information: no such file or directory"), 128);
    EXPECT_EQ(code("port is already allocated"), 128);
    auto error = start_error(
        Error{ErrorKind::kInternal, "OCI runtime create failed: exec: \"/etc\": permission denied"});
    EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument);
    // Only the runtime's words about a command are the client's mistake.
    EXPECT_EQ(start_error(Error{ErrorKind::kInternal, "open /var/x: permission denied"}).kind,
              ErrorKind::kInternal);
}

TEST(StateMachine, RestartPolicies) {
    Container container;
    auto& policy = container.host.restart_policy;
    policy.name = "no";
    EXPECT_FALSE(wants_restart(container, 1));
    policy.name = "on-failure";
    EXPECT_TRUE(wants_restart(container, 1));
    EXPECT_FALSE(wants_restart(container, 0));
    policy.maximum_retry_count = 2;
    container.state.restart_count = 2;
    EXPECT_FALSE(wants_restart(container, 1));
    policy.name = "always";
    EXPECT_TRUE(wants_restart(container, 0));
    container.state.stopped_by_user = true;
    EXPECT_FALSE(wants_restart(container, 0));
    container.state.started_at = now();
    EXPECT_TRUE(wants_start_at_boot(container));
    policy.name = "unless-stopped";
    EXPECT_FALSE(wants_start_at_boot(container));
}

TEST(StateMachine, BackOffDoublesAndEnds) {
    EXPECT_EQ(restart_delay(0ms, 1s), 100ms);
    EXPECT_EQ(restart_delay(100ms, 1s), 200ms);
    EXPECT_EQ(restart_delay(40s, 1s), 60s);
    EXPECT_EQ(restart_delay(40s, 11s), 100ms);
}

TEST(DetachKeys, HeldBackUntilDecided) {
    EXPECT_EQ(*sys::parse_detach_keys(""), "\x10\x11");
    EXPECT_EQ(*sys::parse_detach_keys("a,ctrl-]"), "a\x1d");
    EXPECT_FALSE(sys::parse_detach_keys("ctrl-1"));
    EXPECT_FALSE(sys::parse_detach_keys("a,,b"));
    sys::DetachFilter filter("\x10\x11");
    EXPECT_EQ(filter.pass("ls\x10"), "ls");
    EXPECT_EQ(filter.pass("x"), "\x10x");
    EXPECT_EQ(filter.pass("\x10\x10"), "\x10");
    EXPECT_FALSE(filter.detached());
    EXPECT_EQ(filter.pass("\x11never"), "");
    EXPECT_TRUE(filter.detached());
    sys::DetachFilter none("");
    EXPECT_EQ(none.pass("\x10\x11"), "\x10\x11");
}

TEST(Ports, RangesBecomePortsAndExposedOnesArePublished) {
    types::ContainerConfig config;
    types::HostConfig host;
    config.exposed_ports = {"8000-8001/tcp", "53/udp", "80"};
    host.port_bindings["80"] = {{"127.0.0.1", "8080-8090"}};
    host.port_bindings["81"] = {{"", "8081"}};  // bound alone
    ASSERT_TRUE(normalise_ports(config, host));
    EXPECT_EQ(config.exposed_ports, (std::set<std::string>{"53/udp", "80/tcp", "8000/tcp", "8001/tcp"}));
    Container container;
    container.config = config;
    container.host = host;
    auto requests = requested_ports(container);
    ASSERT_EQ(requests.size(), 1u);
    EXPECT_EQ(requests[0].host_port, 8080);
    EXPECT_EQ(requests[0].host_port_end, 8090);
    container.host.publish_all_ports = true;
    EXPECT_EQ(requested_ports(container).size(), 4u);
    for (const char* text : {"", "0", "65536", "80/", "90-80", "x", "80-"})
        EXPECT_FALSE(parse_exposed(text)) << text;
    // Exposed, and nothing that could be published.
    config.exposed_ports = {"80/icmp"};
    EXPECT_TRUE(normalise_ports(config, host));
    host.publish_all_ports = true;
    EXPECT_FALSE(normalise_ports(config, host));
}

TEST(Labels, FilterByKeyAndValue) {
    std::map<std::string, std::string> labels{{"a", "1"}, {"b", ""}};
    EXPECT_TRUE(labels_match(labels, {{"label", {"a=1", "b"}}}));
    EXPECT_FALSE(labels_match(labels, {{"label", {"a=1", "c"}}}));
    EXPECT_FALSE(labels_match(labels, {{"label!", {"a"}}}));
    EXPECT_TRUE(labels_match(labels, {{"label!", {"a=2"}}}));
}

TEST(StatusLine, SpeaksDockersWords) {
    State state;
    EXPECT_EQ(status_line(state, now()), "Created");
    Timestamp at = now();
    state.status = Status::kRunning;
    state.started_at = at - 61s;
    EXPECT_EQ(status_line(state, at), "Up About a minute");
    state.status = Status::kExited;
    state.exit_code = 137;
    state.finished_at = at - 3h;
    EXPECT_EQ(status_line(state, at), "Exited (137) 3 hours ago");
    EXPECT_EQ(human_duration(500ms), "Less than a second");
    EXPECT_EQ(human_duration(1s), "1 second");
}

}  // namespace
}  // namespace berth::container
