#include "api-spec/types/json_fields.h"

#include <strings.h>

namespace berth::types {

namespace {

// A number says which where another number was wanted, as Go's decoder has it.
std::string go_name(const nlohmann::json& json, std::string_view type) {
    if (json.is_string()) return "string";
    if (json.is_boolean()) return "bool";
    if (json.is_array()) return "array";
    if (json.is_object()) return "object";
    bool number = type.starts_with("int") || type.starts_with("uint");
    return number ? "number " + json.dump() : "number";
}

bool says_nothing(const nlohmann::json& json) {
    if (json.is_null()) return true;
    if (json.is_boolean()) return !json.get<bool>();
    if (json.is_number()) return json.get<double>() == 0;
    return json.empty() || json == "";
}

}  // namespace

const nlohmann::json* field_of(const nlohmann::json& object, std::string_view name) {
    if (auto found = object.find(name); found != object.end()) return &*found;
    for (auto entry = object.begin(); entry != object.end(); ++entry) {
        const std::string& key = entry.key();
        if (key.size() == name.size() && ::strncasecmp(key.data(), name.data(), name.size()) == 0)
            return &*entry;
    }
    return nullptr;
}

bool FieldReader::expect(bool right, const nlohmann::json& json, const std::string& path, const char* type) {
    if (!right && !error_) {
        error_ =
            Error{ErrorKind::kInvalidArgument, "invalid JSON: json: cannot unmarshal " + go_name(json, type) +
                                                   " into Go struct field " + path + " of type " + type};
    }
    return right;
}

void FieldReader::read(const nlohmann::json& json, std::set<std::string>& value, const std::string& path) {
    if (!expect(json.is_object(), json, path, "map[string]struct {}")) return;
    for (const auto& [key, item] : json.items()) value.insert(key);
}

void FieldReader::unsupported(const char* name, Empty) {
    const auto* found = error_ ? nullptr : field_of(object_, name);
    if (found == nullptr || says_nothing(*found)) return;
    std::string field = path_.empty() ? name : path_.substr(1) + "." + name;
    error_ = Error{ErrorKind::kNotImplemented, field + " is not supported yet"};
}

Result<> FieldReader::result() const {
    if (error_) return Failure(*error_);
    return {};
}

void FieldWriter::unsupported(const char* name, Empty empty) {
    switch (empty) {
        case Empty::kNull:
            object_[name] = nullptr;
            return;
        case Empty::kZero:
            object_[name] = 0;
            return;
        case Empty::kText:
            object_[name] = "";
            return;
        case Empty::kFalse:
            object_[name] = false;
            return;
        case Empty::kArray:
            object_[name] = nlohmann::json::array();
            return;
    }
}

nlohmann::json FieldWriter::write(const std::set<std::string>& value) {
    auto object = nlohmann::json::object();
    for (const auto& key : value) object[key] = nlohmann::json::object();
    return object;
}

}  // namespace berth::types
