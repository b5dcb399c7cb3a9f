# The one place for the C++ standard, the warnings and the sanitizers, and the helper that declares a library.

add_library(westofn_options INTERFACE)
target_compile_features(westofn_options INTERFACE cxx_std_20)
target_compile_options(westofn_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
  # GCC 12 sees overlapping copies in std::string that are not there (GCC bug 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<BOOL:${WESTOFN_WERROR}>:-Werror>)
if(WESTOFN_SANITIZE)
  target_compile_options(westofn_options INTERFACE
    -fsanitize=${WESTOFN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(westofn_options INTERFACE -fsanitize=${WESTOFN_SANITIZE})
endif()

# westofn_library(NAME SOURCES a.cpp ... [PUBLIC targets...] [PRIVATE targets...])
# A static library westofn_NAME whose includes read "NAME/file.h". PUBLIC and PRIVATE name what it links.
function(westofn_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(westofn_${name} STATIC ${arg_SOURCES})
  target_include_directories(westofn_${name} PUBLIC "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(westofn_${name} PUBLIC ${arg_PUBLIC} PRIVATE westofn_options ${arg_PRIVATE})
endfunction()
