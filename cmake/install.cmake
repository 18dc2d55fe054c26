# The shared library, and what `cmake --install` (make install) and CPack (make package) put where.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The static library's objects without data sets, training and evaluation, and with them without the
# libraries that only those use. Nothing is visible but the API (cmake/ofer.map); what it cannot reach
# stays out.
add_library(ofer_shared SHARED
            "$<FILTER:$<TARGET_OBJECTS:ofer>,EXCLUDE,/ofer/(data|eval|train)/>"
            ${OFER_KERNEL_OBJECTS} ${OFER_SIMT_OBJECTS} ${OFER_CUDA_OBJECTS})
set_target_properties(ofer_shared PROPERTIES
  OUTPUT_NAME ofer VERSION ${PROJECT_VERSION}
  # Until 1.0 every minor version may break what was.
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/ofer.map LINKER_LANGUAGE CXX)
target_link_libraries(ofer_shared PRIVATE Threads::Threads ${OFER_MATMUL_LIBRARIES}
                      ${OFER_SIMT_LIBRARIES} ${OFER_CUDA_LIBRARIES})
target_link_options(ofer_shared PRIVATE LINKER:--version-script=${CMAKE_SOURCE_DIR}/cmake/ofer.map
                    LINKER:--gc-sections LINKER:--as-needed LINKER:-O1)
if(NOT OFER_SANITIZE)
  target_link_options(ofer_shared PRIVATE LINKER:-z,defs)
endif()

set(OFER_INSTALL_DATADIR ${CMAKE_INSTALL_DATADIR}/ofer)
set(OFER_INSTALL_CMAKEDIR ${CMAKE_INSTALL_LIBDIR}/cmake/ofer)

# What a program needs beside the static library: files as linked here, and their names for
# pkg-config.
set(OFER_STATIC_LIBRARIES)
set(OFER_PC_PRIVATE)
if(OFER_HAVE_CUDA)
  set(OFER_PC_PRIVATE "-L${CUDAToolkit_LIBRARY_DIR}")
endif()
foreach(library ${OFER_MATMUL_LIBRARIES} ${OFER_SIMT_LIBRARIES} ${OFER_CUDA_LIBRARIES})
  if(library STREQUAL "OpenMP::OpenMP_CXX")
    set(files ${OpenMP_gomp_LIBRARY})
  else()
    set(files ${library})
  endif()
  list(APPEND OFER_STATIC_LIBRARIES ${files})
  foreach(file ${files})
    get_filename_component(name "${file}" NAME_WE)
    string(REGEX REPLACE "^(lib|CUDA::)" "" name "${name}")
    string(APPEND OFER_PC_PRIVATE " -l${name}")
  endforeach()
endforeach()

configure_package_config_file(
  cmake/oferConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/oferConfig.cmake.gen
  INSTALL_DESTINATION ${OFER_INSTALL_CMAKEDIR}
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR OFER_INSTALL_DATADIR)
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/oferConfig.cmake
     INPUT ${CMAKE_CURRENT_BINARY_DIR}/oferConfig.cmake.gen)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/oferConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
file(RELATIVE_PATH OFER_PC_TO_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/ofer.pc.in ${CMAKE_CURRENT_BINARY_DIR}/ofer.pc @ONLY)

install(TARGETS ofer ofer_shared ARCHIVE LIBRARY)
install(FILES ofer/ofer.h ofer/ofer.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ofer)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/oferConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/oferConfigVersion.cmake
        DESTINATION ${OFER_INSTALL_CMAKEDIR})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ofer.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(EXISTS ${CMAKE_SOURCE_DIR}/weights/latent-ofer-small.safetensors)
  install(FILES weights/latent-ofer-small.safetensors DESTINATION ${OFER_INSTALL_DATADIR})
endif()
install(FILES README.md LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs examples DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN "__pycache__" EXCLUDE)
if(TARGET ofer_command)
  install(TARGETS ofer_command RUNTIME)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The ofer authors <ofer@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Facial expressions of partly covered faces (Latent-OFER)")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # by dpkg-shlibdeps, of dpkg-dev
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
include(CPack)
