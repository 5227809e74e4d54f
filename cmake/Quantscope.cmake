# SPDX-License-Identifier: Apache-2.0
# Flags every target shares, and the functions the folders use to declare libraries and tests.

add_library(quantscope_flags INTERFACE)
target_compile_options(quantscope_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -fno-math-errno)
# GCC 12 reports these inside std::string and std::vector where nothing is wrong (GCC bug 105651 and kin).
target_compile_options(quantscope_flags INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds>)
if(QUANTSCOPE_WARNINGS_AS_ERRORS)
  target_compile_options(quantscope_flags INTERFACE -Werror)
endif()
if(QUANTSCOPE_SANITIZE)
  target_compile_options(quantscope_flags INTERFACE
    -fsanitize=${QUANTSCOPE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(quantscope_flags INTERFACE -fsanitize=${QUANTSCOPE_SANITIZE})
endif()
target_include_directories(quantscope_flags INTERFACE
  ${PROJECT_SOURCE_DIR}/src)

# For folders that ask the engine and compute nothing: a third less to compile.
set(quantscope_outer_options $<$<CONFIG:Release>:-O1>)

# Standard and third-party headers that most files use; parsed once.
set(quantscope_common_headers
  <algorithm> <array> <cmath> <cstdint> <cstring> <functional> <map> <memory> <optional> <span>
  <string> <string_view> <unordered_map> <utility> <variant> <vector> <tl/expected.hpp> <fmt/format.h>)
add_library(quantscope_pch STATIC ${PROJECT_SOURCE_DIR}/cmake/pch.cpp)
target_precompile_headers(quantscope_pch PRIVATE ${quantscope_common_headers})
target_link_libraries(quantscope_pch PRIVATE quantscope_flags fmt::fmt tl::expected OpenMP::OpenMP_CXX)

# The same for tests without a GUI: Qt Test is most of what such a file parses. Qt defines two macros by folder, which no
# shared header could know: they are taken back. A test's own code need not be fast: a quarter less to compile.
set(quantscope_test_options -UQT_TESTCASE_BUILDDIR -UQT_TESTCASE_SOURCEDIR $<$<CONFIG:Release>:-O1>)
if(QUANTSCOPE_BUILD_TESTS)
  add_library(quantscope_test_pch STATIC ${PROJECT_SOURCE_DIR}/cmake/pch.cpp)
  target_precompile_headers(quantscope_test_pch PRIVATE ${quantscope_common_headers} <QtTest>)
  target_compile_options(quantscope_test_pch PRIVATE ${quantscope_test_options})
  target_link_libraries(quantscope_test_pch PRIVATE quantscope_flags fmt::fmt tl::expected Qt6::Test)
endif()

# quantscope_sources(VARIABLE): every .cpp file of this folder and its rooms. A new method, lab or model family is its own
# files and a line in a table of the program, not one here.
function(quantscope_sources variable)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.cpp)
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()

# quantscope_library(NAME SOURCES... LINK ... [PRECOMPILE HEADERS...]): one static library a folder; layers are the LINK
# lists. PRECOMPILE names heavy headers that most of the folder's files include.
function(quantscope_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK;PRECOMPILE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC quantscope_flags fmt::fmt tl::expected ${ARG_LINK}
                                PRIVATE OpenMP::OpenMP_CXX ${ARG_PRIVATE_LINK})
  if(ARG_PRECOMPILE)
    target_precompile_headers(${name} PRIVATE ${quantscope_common_headers} ${ARG_PRECOMPILE})
  else()
    target_precompile_headers(${name} REUSE_FROM quantscope_pch)
  endif()
endfunction()

# quantscope_test(NAME [GUI] [LONG] SOURCES... LINK ...): a Qt Test program, run by ctest; GUI when it links Qt Widgets.
function(quantscope_test name)
  cmake_parse_arguments(ARG "LONG;GUI" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${quantscope_test_options})
  if(ARG_GUI)
    target_precompile_headers(${name} REUSE_FROM quantscope_ui_test_pch)
  else()
    target_precompile_headers(${name} REUSE_FROM quantscope_test_pch)
  endif()
  set_target_properties(${name} PROPERTIES AUTOMOC ON
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE quantscope_flags quantscope_test_support fmt::fmt tl::expected Qt6::Test ${ARG_LINK})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "QT_QPA_PLATFORM=offscreen" TIMEOUT 600)
  if(ARG_LONG)
    set_tests_properties(${name} PROPERTIES LABELS long TIMEOUT 3600)
  endif()
endfunction()

# quantscope_tests([GUI] [EXCEPT TOPICS...] [SOURCES HELPERS...] LINK ...): a program for each test_TOPIC.cpp of this folder,
# named test_FOLDER_TOPIC (FOLDER once). SOURCES are compiled into each of them.
function(quantscope_tests)
  cmake_parse_arguments(ARG "GUI" "" "EXCEPT;SOURCES;LINK" ${ARGN})
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  file(GLOB sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} test_*.cpp)
  foreach(source ${sources})
    string(REGEX REPLACE "^test_(.*)\\.cpp$" "\\1" topic ${source})
    if(NOT topic IN_LIST ARG_EXCEPT)
      set(name test_${folder}_${topic})
      if("${topic}_" MATCHES "^${folder}_")
        set(name test_${topic})
      endif()
      set(gui)
      if(ARG_GUI)
        set(gui GUI)
      endif()
      quantscope_test(${name} ${gui} SOURCES ${source} ${ARG_SOURCES} LINK ${ARG_LINK})
    endif()
  endforeach()
endfunction()
