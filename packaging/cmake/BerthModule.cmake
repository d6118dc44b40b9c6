# The house's own words for CMake. tests/lint/check_layers reads these calls.

# berth_add_folders(FOLDER...)  adds each folder that has a CMakeLists.txt.
function(berth_add_folders)
    foreach(folder IN LISTS ARGN)
        if(EXISTS ${CMAKE_SOURCE_DIR}/${folder}/CMakeLists.txt)
            add_subdirectory(${CMAKE_SOURCE_DIR}/${folder} ${CMAKE_BINARY_DIR}/modules/${folder})
        endif()
    endforeach()
endfunction()

# The CMake target of a folder: engine/base -> engine.base
function(_berth_target folder out)
    string(REPLACE "/" "." name ${folder})
    set(${out} ${name} PARENT_SCOPE)
endfunction()

function(_berth_link target)
    foreach(folder IN LISTS ARGN)
        _berth_target(${folder} name)
        target_link_libraries(${target} PUBLIC ${name})
    endforeach()
endfunction()

# berth_module(FOLDER [HOT] DEPS FOLDER... LIBRARIES LIB... EXCLUDE FILE...)
# A static library of every .cc directly in FOLDER (the calling one), but for EXCLUDE, which names the
# files that hold a main(). DEPS are other folders of this repository, LIBRARIES come from outside. HOT: bytes
# are worked on here one by one, a release is compiled for speed.
function(berth_module folder)
    cmake_parse_arguments(PARSE_ARGV 1 arg "HOT" "" "DEPS;LIBRARIES;EXCLUDE")
    _berth_target(${folder} target)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cc)
    foreach(file IN LISTS arg_EXCLUDE)
        list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/${folder}/${file})
    endforeach()
    if(sources)
        add_library(${target} STATIC ${sources})
        target_link_libraries(${target} PUBLIC ${arg_LIBRARIES})
        if(arg_HOT)
            target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O2>)
        endif()
        _berth_link(${target} ${arg_DEPS})
    else()
        add_library(${target} INTERFACE)
        target_link_libraries(${target} INTERFACE ${arg_LIBRARIES})
        foreach(dep IN LISTS arg_DEPS)
            _berth_target(${dep} name)
            target_link_libraries(${target} INTERFACE ${name})
        endforeach()
    endif()
endfunction()

# Everything that is installed, without the tests.
add_custom_target(programs)

# berth_binary(NAME [STATIC] SOURCES FILE... DEPS FOLDER... LIBRARIES LIB...)
function(berth_binary name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "STATIC" "" "SOURCES;DEPS;LIBRARIES")
    add_executable(${name} ${arg_SOURCES})
    add_dependencies(programs ${name})
    if(arg_STATIC AND NOT BERTH_SANITIZE)
        target_link_options(${name} PRIVATE -static-pie)
        # Templates leave the same code many times over, and relocations take eight bytes where they could take one
        # bit: a tenth of berth-runtime, which is copied each time it has to seal itself. Nothing of ours compares
        # the addresses of functions.
        if(MOLD)
            target_link_options(${name} PRIVATE $<$<CONFIG:Release>:-Wl,--icf=all,--pack-dyn-relocs=relr>)
        endif()
        set_target_properties(${name} PROPERTIES BERTH_STATIC ON)
    else()
        # Of the library's pages only those that are used, and no relocations of the others at each start.
        target_link_options(${name} PRIVATE -pie -static-libstdc++ -static-libgcc)
    endif()
    target_link_libraries(${name} PRIVATE ${arg_LIBRARIES})
    foreach(dep IN LISTS arg_DEPS)
        _berth_target(${dep} target)
        target_link_libraries(${name} PRIVATE ${target})
    endforeach()
endfunction()

# berth_unit_test(FOLDER DEPS FOLDER... LIBRARIES LIB...)
# One GoogleTest program of every .cc in tests/unit/FOLDER, registered with ctest case by case.
function(berth_unit_test folder)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPS;LIBRARIES")
    string(REPLACE "/" "_" name ${folder})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${folder}/*.cc)
    add_executable(unit_${name} ${sources})
    set_target_properties(unit_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_link_libraries(unit_${name} PRIVATE GTest::gtest_main GTest::gmock ${arg_LIBRARIES})
    foreach(dep IN LISTS arg_DEPS)
        _berth_target(${dep} target)
        target_link_libraries(unit_${name} PRIVATE ${target})
    endforeach()
    gtest_discover_tests(unit_${name} DISCOVERY_MODE PRE_TEST TEST_PREFIX ${folder}: PROPERTIES LABELS unit TIMEOUT 120)
endfunction()
