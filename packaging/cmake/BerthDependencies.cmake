# What comes from outside: Debian 12 packages, installed by packaging/build-deps.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
# Static everywhere: the shim, the runtime and the helper have to be, and the others start faster for it.
set(OPENSSL_USE_STATIC_LIBS TRUE)
find_package(OpenSSL REQUIRED)
find_package(fmt REQUIRED)
find_package(tl-expected REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)
include(GoogleTest)

pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(libarchive REQUIRED IMPORTED_TARGET libarchive)  # the tests write archives with it

# Boost is used by its headers alone; Asio and Beast are compiled once, in engine/async and engine/http.
find_package(Boost 1.81 REQUIRED)
add_library(berth_boost INTERFACE)
target_link_libraries(berth_boost INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(berth_boost INTERFACE
    BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_NO_TS_EXECUTORS
    BOOST_BEAST_SEPARATE_COMPILATION BOOST_ALL_NO_LIB)

# Debian has no static libfmt: its one instance is compiled in engine/base/fmt.cc, without std::locale.
add_library(fmt_headers INTERFACE)
target_compile_definitions(fmt_headers INTERFACE FMT_STATIC_THOUSANDS_SEPARATOR=',')

# Libraries that static binaries use are linked by their archives: pkg-config's targets would name the shared ones.
function(berth_static_library name file)
    find_library(BERTH_${name} NAMES ${file} REQUIRED)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${BERTH_${name}})
endfunction()
berth_static_library(static_zlib libz.a)
berth_static_library(static_zstd libzstd.a)
berth_static_library(static_bzip2 libbz2.a)
berth_static_library(static_lzma liblzma.a)
# Debian has isa-l only as a shared library; what does not call it does not load it.
find_library(BERTH_isal NAMES isal REQUIRED)
add_library(isal INTERFACE)
target_link_libraries(isal INTERFACE -Wl,--push-state,--as-needed ${BERTH_isal} -Wl,--pop-state)
berth_static_library(static_seccomp libseccomp.a)
berth_static_library(static_re2 libre2.a)
