#pragma once

#include <fmt/format.h>
#include <strings.h>

#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "engine/base/result.h"

// How the structs of runtime_spec.h and JSON become each other. For runtime_spec.cc alone.
namespace berth::oci {

using Json = nlohmann::ordered_json;

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class T>
struct IsMap<std::map<std::string, T>> : std::true_type {};
using Strings = std::map<std::string, std::string>;

// Every struct's fields are listed once, below, for both directions: `pass("name", member)` for each. The
// Reader fills the member from the object, the Writer adds it to the object unless it says nothing.
class Reader {
 public:
    Reader(const Json& object, std::string path, Error& error)
        : object_(object), path_(std::move(path)), error_(error) {
        if (!object.is_object()) wrong("", "expected an object");
    }

    template <class T>
    void operator()(const char* name, T& member) {
        if (const Json* value = find(name)) read(*value, name, member);
    }
    // A member that lies one object deeper: "pids": {"limit": …}.
    template <class T>
    void nested(const char* outer, const char* name, T& member) {
        const Json* value = find(outer);
        if (value == nullptr) return;
        Reader inner(*value, join(outer), error_);
        inner(name, member);
    }
    template <class T>
    void always(const char* name, T& member) {
        (*this)(name, member);
    }

 private:
    // Null is as good as not there.
    const Json* find(const char* name) const {
        if (!object_.is_object()) return nullptr;
        const Json* otherwise = nullptr;
        for (auto at = object_.begin(); at != object_.end(); ++at) {
            if (at.key() == name) return at->is_null() ? nullptr : &*at;
            if (::strcasecmp(at.key().c_str(), name) == 0 && !at->is_null()) otherwise = &*at;
        }
        return otherwise;
    }
    std::string join(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }
    void wrong(const std::string& name, const std::string& why) {
        std::string where = name.empty() ? path_ : join(name);
        if (error_.message.empty())
            error_ = {ErrorKind::kInvalidArgument, where.empty() ? why : where + ": " + why, 0};
    }

    template <class T>
    void read(const Json& value, const std::string& name, T& member) {
        if constexpr (IsOptional<T>::value) {
            member.emplace();
            read(value, name, *member);
        } else if constexpr (IsVector<T>::value) {
            if (!value.is_array()) return wrong(name, "expected an array");
            for (std::size_t i = 0; i < value.size(); ++i) {
                member.emplace_back();
                read(value[i], fmt::format("{}[{}]", name, i), member.back());
            }
        } else if constexpr (std::is_same_v<T, std::string>) {
            if (!value.is_string()) return wrong(name, "expected a string");
            member = value.template get<std::string>();
            if (member.find('\0') != std::string::npos) wrong(name, "a NUL byte in a string");
        } else if constexpr (std::is_same_v<T, bool>) {
            if (!value.is_boolean()) return wrong(name, "expected a boolean");
            member = value.template get<bool>();
        } else if constexpr (std::is_integral_v<T>) {
            read_number(value, name, member);
        } else if constexpr (IsMap<T>::value) {
            if (!value.is_object()) return wrong(name, "expected an object");
            for (const auto& [key, item] : value.items()) read(item, name + "." + key, member[key]);
        } else {
            Reader inner(value, join(name), error_);
            fields(inner, member);
        }
    }

    template <class T>
    void read_number(const Json& value, const std::string& name, T& member) {
        if (!value.is_number_integer()) return wrong(name, "expected an integer");
        bool fits = false;
        if (value.is_number_unsigned()) {
            fits = value.template get<std::uint64_t>() <=
                   static_cast<std::uint64_t>(std::numeric_limits<T>::max());
        } else {
            auto number = value.template get<std::int64_t>();
            fits = number >= 0 ? static_cast<std::uint64_t>(number) <=
                                     static_cast<std::uint64_t>(std::numeric_limits<T>::max())
                               : std::is_signed_v<T> &&
                                     number >= static_cast<std::int64_t>(std::numeric_limits<T>::min());
        }
        if (!fits) return wrong(name, "out of range");
        member = value.template get<T>();
    }

    const Json& object_;
    std::string path_;
    Error& error_;
};

class Writer {
 public:
    Json object = Json::object();

    template <class T>
    void operator()(const char* name, T& member) {
        if constexpr (IsOptional<T>::value) {
            if (member) object[name] = written(*member);
        } else if (!(member == T{})) {
            object[name] = written(member);
        }
    }
    template <class T>
    void nested(const char* outer, const char* name, T& member) {
        Writer inner;
        inner(name, member);
        if (!inner.object.empty()) object[outer] = std::move(inner.object);
    }
    template <class T>
    void always(const char* name, T& member) {
        object[name] = written(member);
    }

 private:
    template <class T>
    static Json written(T& value) {
        if constexpr (IsVector<T>::value) {
            Json array = Json::array();
            for (auto& item : value) array.push_back(written(item));
            return array;
        } else if constexpr (std::is_same_v<T, std::string> || std::is_arithmetic_v<T> ||
                             std::is_same_v<T, Strings>) {
            return Json(value);
        } else if constexpr (IsMap<T>::value) {
            Json object = Json::object();
            for (auto& [key, item] : value) object[key] = written(item);
            return object;
        } else {
            Writer inner;
            fields(inner, value);
            return std::move(inner.object);
        }
    }
};

}  // namespace berth::oci
