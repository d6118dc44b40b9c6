#include "engine/templates/functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

namespace berth::templates {

namespace {

using Arguments = std::vector<Json>;
using Function = Result<Json> (*)(Arguments&);

Failure wrong(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

std::string text(const Json& value) {
    return value.is_string() ? value.get<std::string>() : printed(value);
}

template <class Change>
Json changed(const Json& value, Change change) {
    std::string out = text(value);
    std::transform(out.begin(), out.end(), out.begin(),
                   [&](unsigned char c) { return static_cast<char>(change(c)); });
    return out;
}

// Docker's json: compact, and < > & left as they are.
Result<Json> to_json(Arguments& a) {
    return Json(a.at(0).dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<Json> join(Arguments& a) {
    std::string out;
    for (const Json& item : a.at(0)) {
        if (!out.empty()) out += text(a.at(1));
        out += text(item);
    }
    return Json(out);
}

Result<Json> split(Arguments& a) {
    std::string rest = text(a.at(0)), separator = text(a.at(1));
    Json out = Json::array();
    for (auto at = rest.find(separator); !separator.empty() && at != std::string::npos;
         at = rest.find(separator)) {
        out.push_back(rest.substr(0, at));
        rest.erase(0, at + separator.size());
    }
    out.push_back(rest);
    return out;
}

Result<Json> title(Arguments& a) {
    std::string out = text(a.at(0));
    bool start = true;
    for (char& c : out) {
        if (start) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        start = c == ' ';
    }
    return Json(out);
}

// A number of characters; what nobody's memory should be asked for is refused.
std::size_t amount(const Json& value) {
    constexpr std::int64_t kMost = 1 << 20;
    if (!value.is_number_integer() || value < 0 || value > kMost) throw std::out_of_range("not a length");
    return value.get<std::size_t>();
}

Result<Json> pad(Arguments& a) {
    return Json(std::string(amount(a.at(1)), ' ') + text(a.at(0)) + std::string(amount(a.at(2)), ' '));
}

Result<Json> truncate(Arguments& a) {
    return Json(text(a.at(0)).substr(0, amount(a.at(1))));
}

Result<Json> length(Arguments& a) {
    const Json& value = a.at(0);
    if (value.is_string()) return Json(value.get_ref<const std::string&>().size());
    if (value.is_null()) return Json(0);
    if (!value.is_structured()) return wrong("len of type " + std::string(value.type_name()));
    return Json(value.size());
}

Result<Json> index(Arguments& a) {
    Json value = a.at(0);
    for (std::size_t i = 1; i < a.size(); ++i) {
        if (value.is_array() && a[i].is_number_integer()) {
            auto at = a[i].get<std::int64_t>();
            if (at < 0 || at >= static_cast<std::int64_t>(value.size())) {
                return wrong(fmt::format("error calling index: index out of range: {}", at));
            }
            value = Json(value[static_cast<std::size_t>(at)]);
        } else if (value.is_object()) {
            auto found = value.find(text(a[i]));
            value = found == value.end() ? Json() : Json(*found);
        } else {
            return wrong("error calling index: cannot index " + printed(value));
        }
    }
    return value;
}

Result<Json> slice(Arguments& a) {
    std::size_t from = a.size() > 1 ? a[1].get<std::size_t>() : 0;
    if (a.at(0).is_string()) {
        const auto& whole = a[0].get_ref<const std::string&>();
        std::size_t to = a.size() > 2 ? a[2].get<std::size_t>() : whole.size();
        if (from > to || to > whole.size()) return wrong("error calling slice: index out of range");
        return Json(whole.substr(from, to - from));
    }
    std::size_t to = a.size() > 2 ? a[2].get<std::size_t>() : a[0].size();
    if (!a[0].is_array() || from > to || to > a[0].size())
        return wrong("error calling slice: index out of range");
    return Json(std::vector<Json>(a[0].begin() + static_cast<std::ptrdiff_t>(from),
                                  a[0].begin() + static_cast<std::ptrdiff_t>(to)));
}

Result<Json> print_format(Arguments& a) {
    std::string format = text(a.at(0)), out;
    std::size_t next = 1;
    for (std::size_t i = 0; i < format.size(); ++i) {
        if (format[i] != '%' || i + 1 == format.size()) {
            out += format[i];
            continue;
        }
        std::size_t start = ++i;
        while (i < format.size() && (std::isdigit(static_cast<unsigned char>(format[i])) != 0 ||
                                     format[i] == '-' || format[i] == '.' || format[i] == '+')) {
            ++i;
        }
        std::string spec = format.substr(start, i - start);
        char verb = i < format.size() ? format[i] : '%';
        if (verb == '%') {
            out += '%';
            continue;
        }
        std::string value = next < a.size() ? text(a[next]) : fmt::format("%!{}(MISSING)", verb);
        if (verb == 'f' && next < a.size() && a[next].is_number()) {
            auto dot = spec.find('.');
            int precision = dot == std::string::npos ? 6 : std::atoi(spec.c_str() + dot + 1);
            value = fmt::format("{:.{}f}", a[next].get<double>(), amount(precision));
            spec = spec.substr(0, dot);
        } else if (verb == 'q') {
            value = Json(value).dump();
        } else if (verb == 'x' && next < a.size() && a[next].is_number_integer()) {
            value = fmt::format("{:x}", a[next].get<std::int64_t>());
        }
        ++next;
        int width = std::atoi(spec.c_str());
        const std::size_t wide = amount(std::abs(width));
        out += width < 0 ? fmt::format("{:<{}}", value, wide) : fmt::format("{:>{}}", value, wide);
    }
    return Json(out);
}

Result<Json> print_line(Arguments& a) {
    std::string out;
    for (const Json& value : a) out += (out.empty() ? "" : " ") + text(value);
    return Json(out + "\n");
}

bool less(const Json& a, const Json& b) {
    return a < b;
}

Result<Json> equal(Arguments& a) {
    return Json(std::any_of(a.begin() + 1, a.end(), [&](const Json& other) { return a[0] == other; }));
}

Result<Json> both(Arguments& a) {
    for (const Json& value : a) {
        if (!truth(value)) return value;
    }
    return a.back();
}

Result<Json> either(Arguments& a) {
    for (const Json& value : a) {
        if (truth(value)) return value;
    }
    return a.back();
}

struct Entry {
    std::size_t least;  // arguments
    Function call;
};

const std::map<std::string_view, Entry>& functions() {
    static const std::map<std::string_view, Entry> table = {
        {"json", {1, to_json}},
        {"join", {2, join}},
        {"split", {2, split}},
        {"title", {1, title}},
        {"pad", {3, pad}},
        {"truncate", {2, truncate}},
        {"len", {1, length}},
        {"index", {1, index}},
        {"slice", {1, slice}},
        {"printf", {1, print_format}},
        {"println", {0, print_line}},
        {"print", {1, [](Arguments& a) -> Result<Json> { return Json(text(a[0])); }}},
        {"lower", {1, [](Arguments& a) -> Result<Json> { return changed(a[0], ::tolower); }}},
        {"upper", {1, [](Arguments& a) -> Result<Json> { return changed(a[0], ::toupper); }}},
        {"eq", {2, equal}},
        {"ne", {2, [](Arguments& a) -> Result<Json> { return Json(a[0] != a[1]); }}},
        {"lt", {2, [](Arguments& a) -> Result<Json> { return Json(less(a[0], a[1])); }}},
        {"le", {2, [](Arguments& a) -> Result<Json> { return Json(!less(a[1], a[0])); }}},
        {"gt", {2, [](Arguments& a) -> Result<Json> { return Json(less(a[1], a[0])); }}},
        {"ge", {2, [](Arguments& a) -> Result<Json> { return Json(!less(a[0], a[1])); }}},
        {"and", {1, both}},
        {"or", {1, either}},
        {"not", {1, [](Arguments& a) -> Result<Json> { return Json(!truth(a[0])); }}},
    };
    return table;
}

}  // namespace

bool is_template_function(std::string_view name) {
    return functions().contains(name);
}

Result<Json> call_template_function(std::string_view name, std::vector<Json> arguments) {
    const Entry& entry = functions().at(name);
    if (arguments.size() < entry.least) {
        return wrong(
            fmt::format("wrong number of args for {}: want {} got {}", name, entry.least, arguments.size()));
    }
    try {
        return entry.call(arguments);
    } catch (const std::exception&) {
        return wrong(fmt::format("error calling {}: wrong type of argument", name));
    }
}

bool truth(const Json& value) {
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_number()) return value.get<double>() != 0;
    if (value.is_string()) return !value.get_ref<const std::string&>().empty();
    return !value.empty();
}

std::string printed(const Json& value) {
    switch (value.type()) {
        case Json::value_t::null:
            return "<no value>";
        case Json::value_t::string:
            return value.get<std::string>();
        case Json::value_t::array: {
            std::string out = "[";
            for (const Json& item : value)
                out += (out.size() > 1 ? " " : "") + (item.is_null() ? "<nil>" : printed(item));
            return out + "]";
        }
        case Json::value_t::object: {
            std::string out = "map[";
            for (const auto& [key, item] : value.get<std::map<std::string, Json>>()) {
                out += (out.size() > 4 ? " " : "") + key + ":" + (item.is_null() ? "<nil>" : printed(item));
            }
            return out + "]";
        }
        default:
            return value.dump();
    }
}

}  // namespace berth::templates
