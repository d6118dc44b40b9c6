#include "engine/container/names.h"

#include <iterator>
#include <random>

namespace berth::container {

namespace {

constexpr const char* kAdjectives[] = {
    "able",   "amber",  "ardent",  "brisk",  "calm",   "candid",   "clever",  "cosmic",   "daring",
    "deft",   "eager",  "early",   "fair",   "famous", "fearless", "fleet",   "fluent",   "frank",
    "gentle", "glad",   "golden",  "grand",  "handy",  "hardy",    "honest",  "humble",   "jolly",
    "keen",   "kind",   "lively",  "lucid",  "lucky",  "mellow",   "merry",   "mighty",   "modest",
    "nimble", "noble",  "patient", "placid", "polite", "prompt",   "proud",   "quick",    "quiet",
    "rapid",  "ready",  "robust",  "serene", "sharp",  "silent",   "sincere", "smooth",   "sober",
    "solid",  "spry",   "steady",  "stoic",  "sunny",  "swift",    "tidy",    "tireless", "tranquil",
    "trusty", "upbeat", "valiant", "vivid",  "warm",   "wise",     "witty",   "zealous",  "zesty",
};
constexpr const char* kSurnames[] = {
    "abel",       "airy",     "ampere",  "babbage",    "banach",    "bessel",       "bohr",      "boole",
    "brahe",      "cantor",   "carnot",  "cauchy",     "cavendish", "chandra",      "coulomb",   "curie",
    "dalton",     "darwin",   "davy",    "dirac",      "doppler",   "edison",       "erdos",     "euclid",
    "euler",      "faraday",  "fermat",  "fermi",      "fibonacci", "fourier",      "galileo",   "galois",
    "gauss",      "germain",  "godel",   "hamilton",   "hertz",     "hilbert",      "hopper",    "hubble",
    "huygens",    "hypatia",  "joule",   "kelvin",     "kepler",    "kovalevskaya", "lagrange",  "laplace",
    "leibniz",    "lovelace", "maxwell", "meitner",    "mendel",    "napier",       "newton",    "noether",
    "ohm",        "pascal",   "pasteur", "pauli",      "planck",    "ptolemy",      "ramanujan", "riemann",
    "rutherford", "sagan",    "shannon", "somerville", "tesla",     "thales",       "torvalds",  "turing",
    "volta",      "watt",     "weyl",    "wiles",      "wu",        "zuse",
};

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

Result<std::string> check_name(const std::string& name) {
    std::string bare = name.starts_with('/') ? name.substr(1) : name;
    bool good = bare.size() >= 2 && is_alphanumeric(bare[0]);
    for (char c : bare) good = good && (is_alphanumeric(c) || c == '_' || c == '.' || c == '-');
    if (good) return bare;
    return fail(ErrorKind::kInvalidArgument,
                "Invalid container name (" + name + "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
}

std::string random_name(int attempt) {
    static std::mt19937 random{std::random_device{}()};
    std::string name = kAdjectives[random() % std::size(kAdjectives)];
    name += '_';
    name += kSurnames[random() % std::size(kSurnames)];
    if (attempt > 0) name += std::to_string(random() % 10);
    return name;
}

}  // namespace berth::container
