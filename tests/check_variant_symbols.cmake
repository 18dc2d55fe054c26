# cmake -DNM=nm -DOBJECTS=FILE -DNAMESPACE=avx2 -P check_variant_symbols.cmake
# Kernels for some machines only may share no symbol with other code: of a weak symbol (a template, an
# inline function) the linker keeps one copy for everybody, and could hand AVX2 code to a machine
# without it. So every weak symbol of the object files (one a line in FILE) has to have the variant's
# namespace in its name, as its own or as that of a type it is made for.
string(LENGTH ${NAMESPACE} length)
set(ours "(_|cpu)${length}${NAMESPACE}")  # ofer::kernels::cpu::avx2, spelled out or abbreviated
file(STRINGS ${OBJECTS} objects)
execute_process(COMMAND ${NM} --defined-only ${objects} OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
if(failed OR NOT symbols MATCHES "[0-9a-f] [TW] [^\n]*cpu${length}${NAMESPACE}")
  message(FATAL_ERROR "${NM} finds no function of ofer::kernels::cpu::${NAMESPACE}")
endif()
# V and W are weak, u is unique; the address stands before the type.
string(REGEX MATCHALL "[0-9a-f]+ [VWu] [^\n]+" weak "${symbols}")
set(shared)
foreach(symbol ${weak})
  if(NOT symbol MATCHES "${ours}")
    string(REGEX REPLACE "^[0-9a-f]+ . " "" name "${symbol}")
    list(APPEND shared ${name})
  endif()
endforeach()
list(LENGTH shared count)
if(count GREATER 0)
  list(SUBLIST shared 0 5 some)
  list(JOIN some " " some)
  message(FATAL_ERROR "${count} weak symbols that other code may share, among them: ${some}")
endif()
