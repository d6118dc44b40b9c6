#pragma once

#include <dlfcn.h>

namespace berth::network {

// A function of a library that dlopen() has loaded: whoever does not want it needs none.
template <class Function>
bool find_function(void* library, const char* name, Function*& function) {
    function = reinterpret_cast<Function*>(::dlsym(library, name));
    return function != nullptr;
}

}  // namespace berth::network
