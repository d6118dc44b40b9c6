# Compiler, linker and hardening settings that every target shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(BERTH_SANITIZE "" CACHE STRING "sanitizers for every target, e.g. address,undefined")

find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
    add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wno-missing-field-initializers -fPIE
    -fstack-protector-strong -ftrivial-auto-var-init=zero -fno-plt)
# g++ 12 warns falsely about optionals and strings it inlines through coroutine frames, and about the frames themselves.
add_compile_options(-Wno-maybe-uninitialized)
# Release is sized: what a short process pays is the pages it touches, and what an idle daemon keeps in memory is
# mostly its code. Against -O2 that is a third less code; modules with loops over bytes say HOT.
set(CMAKE_CXX_FLAGS_RELEASE "-Os -DNDEBUG -Wno-mismatched-new-delete -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS -ffunction-sections -fdata-sections")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1 -D_GLIBCXX_ASSERTIONS")
add_link_options($<$<CONFIG:Release>:-Wl,--gc-sections> $<$<CONFIG:Release>:-s> -Wl,-z,relro,-z,now)
if(BERTH_SANITIZE)
    add_compile_options(-fsanitize=${BERTH_SANITIZE} -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${BERTH_SANITIZE})
endif()
include_directories(${CMAKE_SOURCE_DIR})
add_compile_definitions(_GNU_SOURCE BERTH_VERSION="${PROJECT_VERSION}")
