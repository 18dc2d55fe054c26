# The CPU kernels are compiled once for every instruction set worth having; the table of the best
# one that the machine has is picked at run time (kernels/cpu/select.cpp). Each copy lives in a
# namespace of its own (OFER_CPU_VARIANT). Files listed as common are compiled once.
set(common_names threads.cpp signals_held.cpp matmul.cpp matmul_bf16.cpp select.cpp)
set(variant_files ${kernel_files})
set(common_files)
foreach(name ${common_names})
  list(REMOVE_ITEM variant_files ${CMAKE_SOURCE_DIR}/kernels/cpu/${name})
  list(APPEND common_files ${CMAKE_SOURCE_DIR}/kernels/cpu/${name})
endforeach()

set(OFER_KERNEL_OBJECTS)
function(ofer_add_kernels target)
  add_library(${target} OBJECT ${ARGN})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_definitions(${target} PRIVATE ${OFER_MATMUL_DEFINITION})
  target_link_libraries(${target} PRIVATE ofer_warnings ${OFER_MATMUL_LIBRARIES} Threads::Threads)
  # Vectorised reductions and selects need -O3; strict IEEE semantics stay (no fast-math). Maths
  # functions need not set errno, and no kernel looks at floating-point exceptions.
  target_compile_options(${target} PRIVATE -fno-math-errno -fno-trapping-math)
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT OFER_SANITIZE)
    target_compile_options(${target} PRIVATE -O3)
  endif()
  set(OFER_KERNEL_OBJECTS ${OFER_KERNEL_OBJECTS} $<TARGET_OBJECTS:${target}> PARENT_SCOPE)
endfunction()

ofer_add_kernels(ofer_kernels_common ${common_files})
ofer_add_kernels(ofer_kernels_baseline ${variant_files})
target_compile_definitions(ofer_kernels_baseline PRIVATE OFER_CPU_VARIANT=baseline)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  ofer_add_kernels(ofer_kernels_avx2 ${variant_files})
  target_compile_definitions(ofer_kernels_avx2 PRIVATE OFER_CPU_VARIANT=avx2)
  target_compile_options(ofer_kernels_avx2 PRIVATE -march=x86-64-v3)
  target_compile_definitions(ofer_kernels_common PRIVATE OFER_HAVE_AVX2_VARIANT)
endif()
