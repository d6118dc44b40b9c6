#include "engine/shim/output.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/shim/protocol/messages.h"

namespace berth::shim {

namespace {
constexpr std::size_t kChunk = 32 * 1024;
// After the exit a client's backlog is at most what the pipes held; only a writer outside can make it more.
constexpr std::size_t kMaxBacklog = 4 << 20;
char chunk[kChunk];  // one thread; not on the heap, so an idle shim never touches it
}  // namespace

Output::Output(Loop& loop, std::unique_ptr<logs::LogDriver> log, bool framed, Events events)
    : loop_(loop), log_(std::move(log)), framed_(framed), events_(std::move(events)) {}

void Output::add_source(UniqueFd fd, logs::Stream stream) {
    auto source =
        std::make_unique<Source>(Source{std::move(fd), stream, logs::LineCutter(*log_, stream), nullptr});
    Source* raw = source.get();
    source->watch = std::make_unique<Watch>(loop_, raw->fd.get(), EPOLLIN, [this, raw](std::uint32_t) {
        read_source(*raw);
        regulate();
    });
    sources_.push_back(std::move(source));
    regulate();
}

void Output::add_client(UniqueFd socket, std::uint8_t streams, Input& input,
                        std::function<void()> input_ended) {
    AttachClient::Events events;
    events.caught_up = [this](AttachClient* client) {
        catch_up(*client);
        regulate();
    };
    events.input_ended = std::move(input_ended);
    events.gone = [this](AttachClient* gone) {
        behind_.erase(gone);
        std::erase_if(clients_, [gone](const auto& client) { return client.get() == gone; });
        regulate();
        if (ended_ && clients_.empty()) events_.idle();
    };
    clients_.push_back(
        std::make_unique<AttachClient>(loop_, std::move(socket), streams, framed_, input, std::move(events)));
    if ((streams & kAttachAfterLog) != 0) {
        for (auto& source : sources_) {
            std::string_view rest = source->cutter.rest();
            if (!rest.empty() && clients_.back()->wants(source->stream))
                clients_.back()->send(source->stream, rest);
        }
    }
    if (ended_) clients_.back()->end_output();
}

void Output::resume_input() {
    for (auto& client : clients_) client->resume_input();
}

void Output::note(Result<> logged) {
    if (!logged && !in_trouble_)
        events_.trouble("the container's log cannot be written: " + logged.error().message);
    if (logged && in_trouble_) {
        events_.trouble("the container's log is written again: " + std::to_string(log_->lost() - lost_) +
                        " records were lost");
        lost_ = log_->lost();
    }
    in_trouble_ = !logged;
}

// Somebody else takes the records, and has not taken all of them.
void Output::follow_log() {
    const auto wait = log_->waiting();
    log_watch_.reset();
    if (wait.fd < 0) return;
    const std::uint32_t events = wait.to_write ? EPOLLOUT : EPOLLIN;
    // Later, since the watch cannot end itself while it reports.
    log_watch_ = std::make_unique<Watch>(loop_, wait.fd, events, [this](std::uint32_t) {
        log_watch_->pause();
        loop_.later([this] {
            if (ended_) return;
            note(log_->flush());
            follow_log();
            regulate();
            if (log_ending_) finish();
        });
    });
}

void Output::deliver(Source& source, std::string_view bytes) {
    auto logged = source.cutter.add(bytes);
    if (logged) logged = log_->flush();
    note(std::move(logged));
    if (!log_watch_ || log_->waiting().fd < 0) follow_log();
    for (auto& client : clients_) {
        if (behind_.contains(client.get()) || !client->wants(source.stream)) continue;
        client->send(source.stream, bytes);
        if (client->behind()) fall_behind(*client);
    }
}

void Output::fall_behind(AttachClient& client) {
    // A terminal's programs draw: what is old is of no use to them.
    if (!framed_ || draining_) return;
    auto replay = log_->replay();
    if (!replay) return;
    Lag& lag = behind_[&client];
    lag.log = std::move(replay);
    for (const auto& source : sources_) lag.sent[source->stream] = source->cutter.rest().size();
}

// What it has not had yet: records, then the lines that are none yet. From there on it is live again.
void Output::catch_up(AttachClient& client) {
    auto found = behind_.find(&client);
    if (found == behind_.end()) return;
    Lag& lag = found->second;
    // Lines are short: many go together.
    std::string text;
    auto stream = logs::Stream::kStdout;
    auto send = [&] {
        if (!text.empty() && client.wants(stream)) client.send(stream, text);
        text.clear();
    };
    auto add = [&](logs::Stream from, std::string_view bytes) {
        if (from != stream || text.size() >= kChunk) send();
        stream = from;
        const std::size_t had = std::min(lag.sent[from], bytes.size());
        lag.sent[from] -= had;
        text += bytes.substr(had);
    };
    while (!client.behind()) {
        auto record = lag.log->next();
        if (!record) {
            events_.trouble("a client that was behind has lost its stream: " + record.error().message);
            behind_.erase(found);
            return client.give_up();
        }
        if (*record) {
            add((*record)->stream, (*record)->text);
            continue;
        }
        for (const auto& source : sources_) add(source->stream, source->cutter.rest());
        send();
        behind_.erase(found);
        if (ended_) client.end_output();
        return;
    }
    send();
}

// Whether the container is to wait for it.
bool Output::holds_up(const AttachClient& client) const {
    const std::size_t allowed = draining_ ? kMaxBacklog : 0;
    auto lag = behind_.find(&client);
    if (lag == behind_.end()) return client.backlog() > allowed;
    return lag->second.log->full() && !draining_;
}

void Output::read_source(Source& source) {
    ssize_t got = ::read(source.fd.get(), chunk, kChunk);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // A terminal whose last user is gone says EIO.
    if (got <= 0) return end_source(source);
    deliver(source, std::string_view(chunk, static_cast<std::size_t>(got)));
}

void Output::end_source(Source& source) {
    source.watch->pause();
    source.fd.reset();
    auto logged = source.cutter.finish();
    if (logged) logged = log_->flush();
    note(std::move(logged));
    if (draining_) loop_.later([this] { finish(); });
}

// Back-pressure: the pipes fill up while somebody is behind.
void Output::regulate() {
    bool behind = std::any_of(clients_.begin(), clients_.end(),
                              [this](const auto& client) { return holds_up(*client); });
    behind = behind || (log_->behind() && !draining_);
    for (auto& source : sources_) {
        if (!source->fd) continue;
        if (behind) {
            source->watch->pause();
        } else {
            source->watch->set(EPOLLIN);
        }
    }
}

void Output::drain(std::chrono::milliseconds limit) {
    draining_ = true;
    regulate();
    limit_ = loop_.after(limit, [this] {
        limit_ = 0;
        for (auto& source : sources_) {
            if (source->fd) end_source(*source);
        }
        loop_.later([this] { finish(); });
    });
    loop_.later([this] { finish(); });
}

void Output::finish() {
    bool open =
        std::any_of(sources_.begin(), sources_.end(), [](const auto& source) { return bool(source->fd); });
    if (open || ended_) return;
    log_ending_ = true;
    // A log server that does not listen keeps nobody's exit back for long.
    if (!log_->end() && limit_ != 0) return follow_log();
    ended_ = true;
    log_watch_.reset();
    if (limit_ != 0) loop_.cancel(limit_);
    for (auto& client : clients_) {
        if (!behind_.contains(client.get())) client->end_output();
    }
    events_.drained();
}

}  // namespace berth::shim
