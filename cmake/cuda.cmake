# The CUDA backend, where a CUDA toolkit is found. Without one everything else builds and runs.
set(OFER_CUDA AUTO CACHE STRING "Build the CUDA backend: AUTO, ON or OFF")
set(OFER_CUDA_ARCHITECTURES "" CACHE STRING
    "Compute capabilities to compile for; empty: every one from 75 to 120, with PTX for newer ones")
set(OFER_CUDA_OBJECTS)
set(OFER_CUDA_LIBRARIES)
set(OFER_HAVE_CUDA OFF)

if(NOT OFER_CUDA STREQUAL "OFF" AND NOT OFER_SANITIZE)
  include(CheckLanguage)
  # Every release of the toolkit has these; CMake's own guess can be too old for a new toolkit.
  if(OFER_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES ${OFER_CUDA_ARCHITECTURES})
  else()
    set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 86-real 89-real 90-real 100-real 120)
  endif()
  check_language(CUDA)
  find_package(CUDAToolkit QUIET)
  if(CMAKE_CUDA_COMPILER AND CUDAToolkit_FOUND AND TARGET CUDA::cublasLt)
    enable_language(CUDA)
    # CMake 3.25 asks nvcc for C++20 only when it knows the toolkit's version; the flag is the same.
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
    endif()
    set(OFER_HAVE_CUDA ON)
  elseif(OFER_CUDA STREQUAL "ON")
    message(FATAL_ERROR "OFER_CUDA=ON needs nvcc and cuBLAS: install the CUDA Toolkit, and put nvcc on PATH")
  endif()
endif()

if(OFER_HAVE_CUDA)
  file(GLOB gpu_files CONFIGURE_DEPENDS kernels/cuda/*.cu)
  file(GLOB cuda_host_files CONFIGURE_DEPENDS kernels/cuda/*.cpp)
  add_library(ofer_kernels_cuda OBJECT ${gpu_files} ${cuda_host_files})
  target_include_directories(ofer_kernels_cuda PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(ofer_kernels_cuda PRIVATE CUDA::cudart_static)
  # cuBLASLt is loaded when it is needed (kernels/cuda/cublas_library.cpp).
  target_compile_definitions(ofer_kernels_cuda PRIVATE
                             OFER_CUDA_LIBRARY_FOLDER="${CUDAToolkit_LIBRARY_DIR}")
  # A device below the lowest architecture is refused by name. "native" and "all" name none.
  set(lowest)
  foreach(architecture ${CMAKE_CUDA_ARCHITECTURES})
    if(architecture MATCHES "^([0-9]+)")
      if(NOT lowest OR CMAKE_MATCH_1 LESS lowest)
        set(lowest ${CMAKE_MATCH_1})
      endif()
    endif()
  endforeach()
  if(lowest)
    target_compile_definitions(ofer_kernels_cuda PRIVATE OFER_CUDA_LOWEST_ARCHITECTURE=${lowest})
  endif()
  # Source lines in profiles and in compute-sanitizer's reports cost no speed.
  target_compile_options(ofer_kernels_cuda PRIVATE
                         $<$<COMPILE_LANGUAGE:CUDA>:-O3 -lineinfo -Xcompiler=-Wall,-Wextra>
                         $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra>)
  set(OFER_CUDA_OBJECTS $<TARGET_OBJECTS:ofer_kernels_cuda>)
  set(OFER_CUDA_LIBRARIES CUDA::cudart_static ${CMAKE_DL_LIBS})
endif()
message(STATUS "CUDA backend: ${OFER_HAVE_CUDA} ${CMAKE_CUDA_ARCHITECTURES}")
