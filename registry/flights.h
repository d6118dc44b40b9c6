#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/async/event.h"
#include "engine/base/digest.h"

namespace berth::registry {

// The downloads that are under way, by blob: who wants one that another pull is fetching waits for it. Io
// thread only; outlives its flights.
class Flights {
 public:
    struct Flight {
        explicit Flight(IoContext& io) : changed(io) {}
        std::uint64_t current = 0;  // bytes
        bool ended = false;
        std::string stalled;  // the origin of a registry that did; who asks the same one need not try again
        async::Condition changed;
    };
    // Ends the flight when it goes, however that comes.
    class Pilot {
     public:
        Pilot(Flights& flights, Digest digest, std::shared_ptr<Flight> flight)
            : flights_(flights), digest_(std::move(digest)), flight_(std::move(flight)) {}
        Pilot(const Pilot&) = delete;
        Pilot& operator=(const Pilot&) = delete;
        ~Pilot() {
            flight_->ended = true;
            flights_.under_way_.erase(digest_);
            flight_->changed.notify_all();
        }
        void report(std::uint64_t current) {
            flight_->current = current;
            flight_->changed.notify_all();
        }
        void stalled(std::string origin) { flight_->stalled = std::move(origin); }

     private:
        Flights& flights_;
        Digest digest_;
        std::shared_ptr<Flight> flight_;
    };

    explicit Flights(IoContext& io) : io_(io) {}

    // The download of a blob that somebody else has begun, or null.
    std::shared_ptr<Flight> find(const Digest& digest) const {
        const auto found = under_way_.find(digest);
        return found == under_way_.end() ? nullptr : found->second;
    }
    // Begins one that nobody has begun.
    std::unique_ptr<Pilot> begin(const Digest& digest) {
        auto flight = std::make_shared<Flight>(io_);
        under_way_[digest] = flight;
        return std::make_unique<Pilot>(*this, digest, std::move(flight));
    }

 private:
    IoContext& io_;
    std::map<Digest, std::shared_ptr<Flight>> under_way_;
};

}  // namespace berth::registry
