# The SIMT executor: the kernels of kernels/cuda/ compiled as C++ and run on the host. Wants
# Boost.Context for its fibers. The thread sanitizer does not know fibers.
set(OFER_SIMT AUTO CACHE STRING "Build the executor of CUDA kernels on the host: AUTO, ON or OFF")
set(OFER_SIMT_OBJECTS)
set(OFER_SIMT_LIBRARIES)
set(OFER_HAVE_SIMT OFF)

if(NOT OFER_SIMT STREQUAL "OFF" AND NOT OFER_SANITIZE MATCHES "thread")
  find_path(OFER_BOOST_CONTEXT_INCLUDE boost/context/fiber.hpp)
  find_library(OFER_BOOST_CONTEXT_LIBRARY boost_context)
  if(OFER_BOOST_CONTEXT_INCLUDE AND OFER_BOOST_CONTEXT_LIBRARY)
    set(OFER_HAVE_SIMT ON)
  elseif(OFER_SIMT STREQUAL "ON")
    message(FATAL_ERROR "OFER_SIMT=ON needs Boost.Context: apt-get install libboost-context-dev")
  endif()
endif()

if(OFER_HAVE_SIMT)
  # A source file has one language in CMake, and .cu means CUDA: each is compiled as C++ through a
  # file of one line that includes it.
  file(GLOB gpu_files CONFIGURE_DEPENDS kernels/cuda/*.cu)
  set(simt_files)
  foreach(file ${gpu_files})
    get_filename_component(name ${file} NAME_WE)
    set(wrapper ${CMAKE_BINARY_DIR}/simt/${name}.cpp)
    file(CONFIGURE OUTPUT ${wrapper} CONTENT "#include \"kernels/cuda/${name}.cu\"\n")
    list(APPEND simt_files ${wrapper})
  endforeach()
  file(GLOB executor_files CONFIGURE_DEPENDS kernels/simt/*.cpp)
  add_library(ofer_kernels_simt OBJECT ${simt_files} ${executor_files})
  target_include_directories(ofer_kernels_simt PRIVATE ${CMAKE_SOURCE_DIR})
  target_include_directories(ofer_kernels_simt SYSTEM PRIVATE ${OFER_BOOST_CONTEXT_INCLUDE})
  target_link_libraries(ofer_kernels_simt PRIVATE ofer_warnings Threads::Threads)
  # #pragma unroll is CUDA's. -O2 also in debug builds: the checks are in the code, not in the flags.
  target_compile_options(ofer_kernels_simt PRIVATE -Wno-unknown-pragmas -O2 -fno-math-errno)
  set(OFER_SIMT_OBJECTS $<TARGET_OBJECTS:ofer_kernels_simt>)
  set(OFER_SIMT_LIBRARIES ${OFER_BOOST_CONTEXT_LIBRARY})
endif()
message(STATUS "SIMT executor: ${OFER_HAVE_SIMT}")
