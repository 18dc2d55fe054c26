# Header-only libraries. They are looked for as headers, not as packages, so that a folder that holds
# copies of them will do where nothing can be installed: cmake -DOFER_HEADERS=FOLDER
# (tools/collect_headers.sh makes one).
set(OFER_HEADERS "" CACHE PATH "Folder with copies of the header-only libraries")

function(ofer_find_header variable header package)
  find_path(${variable} ${header} HINTS ${OFER_HEADERS} PATH_SUFFIXES ${ARGN})
  if(NOT ${variable})
    message(FATAL_ERROR "${header} was not found: apt-get install ${package}")
  endif()
endfunction()

ofer_find_header(OFER_JSON_INCLUDE nlohmann/json.hpp nlohmann-json3-dev)
ofer_find_header(OFER_STB_INCLUDE stb_image.h libstb-dev stb)
if(OFER_TOOLS OR OFER_BENCH)
  ofer_find_header(OFER_CLI11_INCLUDE CLI/CLI.hpp libcli11-dev)
endif()
if(OFER_TESTS OR OFER_BENCH)
  ofer_find_header(OFER_DOCTEST_INCLUDE doctest/doctest.h doctest-dev)
endif()
