#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api-spec/types/field_of.h"
#include "engine/base/result.h"

// For the .cc files of this folder: one list of fields per struct, walked to read and to write.
//   void fields(auto& visit, Either<Thing> auto& self) { visit("Name", self.name); … }
namespace berth::types {

template <class Self, class T>
concept Either = std::is_same_v<std::remove_const_t<Self>, T>;

// What a field that is not supported looks like when it says nothing.
enum class Empty { kNull, kZero, kText, kFalse, kArray };

// Reads one JSON object. Missing and null fields keep the value they have; unknown ones are ignored, as Go
// does. The first wrong type ends the reading: "invalid JSON: json: cannot unmarshal string into Go struct
// field .HostConfig.Memory of type int64".
class FieldReader {
 public:
    FieldReader(const nlohmann::json& object, std::string path) : object_(object), path_(std::move(path)) {}

    template <class T>
    void operator()(const char* name, T& value) {
        const auto* found = error_ ? nullptr : field_of(object_, name);
        if (found == nullptr || found->is_null()) return;
        read(*found, value, path_ + "." + name);
    }
    void unsupported(const char* name, Empty empty);
    Result<> result() const;

 private:
    template <class T>
    void read(const nlohmann::json& json, T& value, const std::string& path);
    template <class T>
    void read(const nlohmann::json& json, std::optional<T>& value, const std::string& path) {
        read(json, value.emplace(), path);
    }
    template <class T>
    void read(const nlohmann::json& json, std::vector<T>& value, const std::string& path) {
        if (!expect(json.is_array(), json, path, "[]string")) return;
        value.clear();
        for (const auto& item : json) read(item, value.emplace_back(), path);
    }
    template <class T>
    void read(const nlohmann::json& json, std::map<std::string, T>& value, const std::string& path) {
        if (!expect(json.is_object(), json, path, "map[string]string")) return;
        for (const auto& [key, item] : json.items()) {
            T& slot = value[key];
            if (!item.is_null()) read(item, slot, path);
        }
    }
    // Go's map[string]struct{}.
    void read(const nlohmann::json& json, std::set<std::string>& value, const std::string& path);
    template <class T>
    void read_number(const nlohmann::json& json, T& value, const std::string& path);
    bool expect(bool right, const nlohmann::json& json, const std::string& path, const char* type);

    const nlohmann::json& object_;
    std::string path_;
    std::optional<Error> error_;
};

// Go's names of the types that fields have.
template <class T>
constexpr const char* kNumberName = std::is_same_v<T, std::uint16_t>   ? "uint16"
                                    : std::is_same_v<T, std::uint32_t> ? "uint"
                                    : std::is_unsigned_v<T>            ? "uint64"
                                                                       : "int64";

template <class T>
void FieldReader::read_number(const nlohmann::json& json, T& value, const std::string& path) {
    bool fits = json.is_number_integer();
    if (fits && json.is_number_unsigned()) fits = std::in_range<T>(json.get<std::uint64_t>());
    if (fits && !json.is_number_unsigned()) fits = std::in_range<T>(json.get<std::int64_t>());
    if (expect(fits, json, path, kNumberName<T>)) value = json.get<T>();
}

template <class T>
void FieldReader::read(const nlohmann::json& json, T& value, const std::string& path) {
    if constexpr (std::is_same_v<T, bool>) {
        if (expect(json.is_boolean(), json, path, "bool")) value = json.get<bool>();
    } else if constexpr (std::is_same_v<T, std::string>) {
        if (expect(json.is_string(), json, path, "string")) value = json.get<std::string>();
    } else if constexpr (std::is_integral_v<T>) {
        read_number(json, value, path);
    } else {
        if (!expect(json.is_object(), json, path, "object")) return;
        FieldReader inner(json, path);
        fields(inner, value);
        if (inner.error_) error_ = inner.error_;
    }
}

// Writes every field of a struct, with Go's null for an empty list.
class FieldWriter {
 public:
    template <class T>
    void operator()(const char* name, const T& value) {
        object_[name] = write(value);
    }
    void unsupported(const char* name, Empty empty);
    nlohmann::json take() { return std::move(object_); }

    template <class T>
    static nlohmann::json write(const T& value) {
        if constexpr (std::is_same_v<T, std::string> || std::is_integral_v<T>) {
            return value;
        } else {
            FieldWriter inner;
            fields(inner, value);
            return inner.take();
        }
    }
    template <class T>
    static nlohmann::json write(const std::optional<T>& value) {
        return value ? write(*value) : nlohmann::json();
    }
    template <class T>
    static nlohmann::json write(const std::vector<T>& value) {
        if (value.empty()) return nullptr;
        auto array = nlohmann::json::array();
        for (const auto& item : value) array.push_back(write(item));
        return array;
    }
    template <class T>
    static nlohmann::json write(const std::map<std::string, T>& value) {
        auto object = nlohmann::json::object();
        for (const auto& [key, item] : value) object[key] = write(item);
        return object;
    }
    static nlohmann::json write(const std::set<std::string>& value);

 private:
    nlohmann::json object_ = nlohmann::json::object();
};

template <class T>
Result<T> read_fields(const nlohmann::json& object, const std::string& path) {
    T value;
    FieldReader reader(object, path);
    fields(reader, value);
    BERTH_CHECK(reader.result());
    return value;
}

}  // namespace berth::types
