# What fits closed forms and kernel spheres (ofer/train/): Eigen's headers, and libsvm where it is.
ofer_find_header(OFER_EIGEN_INCLUDE Eigen/Dense libeigen3-dev eigen3)
find_path(OFER_LIBSVM_INCLUDE svm.h PATH_SUFFIXES libsvm)
find_library(OFER_LIBSVM_LIBRARY svm)
set(OFER_FITTING_LIBRARIES)
if(OFER_LIBSVM_INCLUDE AND OFER_LIBSVM_LIBRARY)
  set(OFER_FITTING_LIBRARIES ${OFER_LIBSVM_LIBRARY})
  set_source_files_properties(
    ofer/train/kernel_fit.cpp PROPERTIES COMPILE_DEFINITIONS OFER_LIBSVM INCLUDE_DIRECTORIES
                                         ${OFER_LIBSVM_INCLUDE})
endif()
set_source_files_properties(ofer/train/whitening.cpp PROPERTIES COMPILE_OPTIONS
                                                                -isystem${OFER_EIGEN_INCLUDE})
