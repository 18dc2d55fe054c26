# Which library multiplies matrices on a CPU: oneDNN, else a CBLAS, else a plain product of our own.
# Sets OFER_MATMUL_LIBRARIES and OFER_MATMUL_DEFINITION.
set(OFER_MATMUL_LIBRARIES)
set(OFER_MATMUL_DEFINITION OFER_MATMUL_PLAIN)

if(OFER_MATMUL STREQUAL "auto" OR OFER_MATMUL STREQUAL "onednn")
  find_path(OFER_DNNL_INCLUDE dnnl.h)
  find_library(OFER_DNNL_LIBRARY dnnl)
  # libdnnl computes with OpenMP; the pool's threads tell it to use one thread each.
  find_package(OpenMP COMPONENTS CXX)
  if(OFER_DNNL_INCLUDE AND OFER_DNNL_LIBRARY AND OpenMP_CXX_FOUND)
    set(OFER_MATMUL_LIBRARIES ${OFER_DNNL_LIBRARY} OpenMP::OpenMP_CXX)
    set(OFER_MATMUL_DEFINITION OFER_MATMUL_ONEDNN)
  elseif(OFER_MATMUL STREQUAL "onednn")
    message(FATAL_ERROR "oneDNN was asked for and not found: apt-get install libdnnl-dev")
  endif()
endif()

if(OFER_MATMUL STREQUAL "cblas" OR
   (OFER_MATMUL STREQUAL "auto" AND NOT OFER_MATMUL_LIBRARIES))
  find_path(OFER_CBLAS_INCLUDE cblas.h PATH_SUFFIXES openblas-serial openblas openblas-pthread)
  # The serial build first: the engine brings its own threads.
  find_library(OFER_CBLAS_LIBRARY openblas
               PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}
               PATH_SUFFIXES openblas-serial openblas-pthread openblas-openmp)
  if(OFER_CBLAS_INCLUDE AND OFER_CBLAS_LIBRARY)
    set(OFER_MATMUL_LIBRARIES ${OFER_CBLAS_LIBRARY})
    set(OFER_MATMUL_DEFINITION OFER_MATMUL_CBLAS)
  elseif(OFER_MATMUL STREQUAL "cblas")
    message(FATAL_ERROR "a CBLAS was asked for and not found: apt-get install libopenblas-serial-dev")
  endif()
endif()

message(STATUS "Matrix products: ${OFER_MATMUL_DEFINITION} ${OFER_MATMUL_LIBRARIES}")
