# SPDX-License-Identifier: Apache-2.0
# What -DQUANTSCOPE_CUDA=ON needs: nvcc and the toolkit's static runtime. No GPU: nothing is run while building, and a
# program built so starts where there is neither GPU nor driver.

# 7.5: the oldest that CUDA 13 compiles for; has no m16n8k32, runs dp4a. 8.0: the first with the tensor instruction and the
# asynchronous copies of int8_tile.h; its code runs on 8.6 and 8.9, too. 9.0: code for Hopper, and PTX that drivers
# compile for whatever comes later.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 90)
endif()
if(NOT DEFINED CMAKE_CUDA_COMPILER AND EXISTS /usr/local/cuda/bin/nvcc)
  set(CMAKE_CUDA_COMPILER /usr/local/cuda/bin/nvcc)
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)

# quantscope_cuda_library(NAME SOURCES...): CUDA files with our warnings and the CPU kernels' float arithmetic (no
# multiply-add fused behind our back). Read as C++17: CMake before 3.26 does not know nvcc's C++20.
function(quantscope_cuda_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON CUDA_EXTENSIONS OFF)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_compile_options(${name} PRIVATE --fmad=false -Xcompiler=-Wall,-Wextra,-Wshadow -Xptxas=--warn-on-spills)
  if(QUANTSCOPE_WARNINGS_AS_ERRORS)
    target_compile_options(${name} PRIVATE -Werror=all-warnings)
  endif()
  target_link_libraries(${name} PUBLIC CUDA::cudart_static)
endfunction()
