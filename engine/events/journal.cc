#include "engine/events/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "engine/base/files.h"
#include "engine/base/log.h"

namespace berth::events {

namespace {

using nlohmann::json;

std::string render(const Event& event) {
    json out{{"time", event.time.time_since_epoch().count()},
             {"type", event.type},
             {"action", event.action},
             {"id", event.actor_id},
             {"scope", event.scope},
             {"attributes", event.attributes}};
    return out.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::optional<Event> parse(const std::string& line) {
    const json in = json::parse(line, nullptr, false);
    if (!in.is_object()) return {};
    try {
        Event event;
        event.time = Timestamp(std::chrono::nanoseconds(in.at("time").get<std::int64_t>()));
        in.at("type").get_to(event.type);
        in.at("action").get_to(event.action);
        in.at("id").get_to(event.actor_id);
        in.at("scope").get_to(event.scope);
        in.at("attributes").get_to(event.attributes);
        return event;
    } catch (const json::exception&) {
        return {};
    }
}

}  // namespace

struct Journal::State {
    std::string path;
    std::mutex mutex;  // of what follows
    std::string pending;
    bool writing = false;

    std::mutex file_mutex;  // of what follows
    UniqueFd file;
    std::uint64_t size = 0;
    bool failing = false;

    Result<> open_file_at_end() {
        BERTH_TRY(file, open_file(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
        struct stat status{};
        if (::fstat(file.get(), &status) != 0) return fail_errno("stat " + path);
        size = static_cast<std::uint64_t>(status.st_size);
        return {};
    }
    Result<> append(const std::string& lines) {
        if (size > 0 && size + lines.size() > kFileSize) {
            if (::rename(path.c_str(), (path + ".1").c_str()) != 0) return fail_errno("rename " + path);
            BERTH_CHECK(open_file_at_end());
        }
        BERTH_CHECK(write_all(file.get(), lines));
        size += lines.size();
        return {};
    }
    void write_out() {
        std::lock_guard one_writer(file_mutex);
        for (;;) {
            std::string lines;
            {
                std::lock_guard lock(mutex);
                lines.swap(pending);
                writing = !lines.empty();
            }
            if (lines.empty()) return;
            auto written = append(lines);
            if (!written && !failing)
                log::warning("events cannot be kept on disk", {{"error", written.error().message}});
            failing = !written;
        }
    }
};

Result<std::unique_ptr<Journal>> Journal::open(const std::string& path, async::BlockingPool& pool) {
    auto state = std::make_shared<State>();
    state->path = path;
    BERTH_CHECK(state->open_file_at_end());
    return std::unique_ptr<Journal>(new Journal(std::move(state), pool));
}

Journal::~Journal() {
    state_->write_out();
}

Result<std::vector<Event>> Journal::read(std::size_t count) const {
    std::deque<Event> last;
    for (const std::string& path : {state_->path + ".1", state_->path}) {
        auto text = read_file(path, 4 * kFileSize);
        if (!text && text.error().kind == ErrorKind::kNotFound) continue;
        if (!text) return Failure(std::move(text.error()));
        std::istringstream lines(*text);
        for (std::string line; std::getline(lines, line);) {
            auto event = parse(line);
            if (!event) continue;
            last.push_back(std::move(*event));
            if (last.size() > count) last.pop_front();
        }
    }
    return std::vector<Event>(std::make_move_iterator(last.begin()), std::make_move_iterator(last.end()));
}

void Journal::record(const Event& event) {
    std::string line = render(event);
    {
        std::lock_guard lock(state_->mutex);
        state_->pending += line;
        if (std::exchange(state_->writing, true)) return;
    }
    pool_.submit([state = state_] { state->write_out(); });
}

}  // namespace berth::events
