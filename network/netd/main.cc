// berth-netd: answers names for containers while the daemon comes and goes. Started by the daemon with the
// socket it listens on and the folder of names as descriptors 3 and 4; "--state DIR" says whose it is.
#include <sys/resource.h>

#include <csignal>

#include "engine/base/files.h"
#include "network/names/wire.h"
#include "network/netd/control.h"
#include "network/netd/drop_privileges.h"
#include "network/netd/loop.h"

namespace {

using namespace berth;

Result<> serve() {
    std::signal(SIGPIPE, SIG_IGN);
    // Each question under way and each proxied connection has descriptors.
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    BERTH_CHECK(netd::drop_privileges());
    BERTH_TRY(auto loop, netd::Loop::make());
    netd::Control control(loop, UniqueFd(network::kNetdListening), UniqueFd(network::kNetdFolder));
    BERTH_CHECK(control.listen());
    loop.run([&] { return control.idle(); });
    return {};
}

}  // namespace

int main() {
    auto served = serve();
    if (served) return 0;
    (void)write_all(2, "berth-netd: " + served.error().message + "\n").has_value();
    return 1;
}
