# How this tree is compiled: warnings, sanitizers, hardening. Nothing here reaches users of filch.

add_library(filch_warnings INTERFACE)
target_compile_options(filch_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wcast-align -Wundef -Werror
  # g++ 12 warns of overlaps inside std::string's own operator+ (its bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)

# Only what costs the hot paths nothing: stack protectors would put a canary into every fork,
# because a forked job lives in its caller's frame. Parsers of foreign input ask for them.
add_library(filch_hardening INTERFACE)
if(NOT FILCH_SANITIZE)
  target_compile_options(filch_hardening INTERFACE
    -fstack-clash-protection
    $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-U_FORTIFY_SOURCE>
    $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-D_FORTIFY_SOURCE=2>)
  target_link_options(filch_hardening INTERFACE -Wl,-z,relro,-z,now)
endif()
target_compile_definitions(filch_hardening INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)

if(FILCH_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
                      -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS)
  add_link_options(-fsanitize=address,undefined)
elseif(FILCH_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ says that it does not follow fences; the orderings are checked by models instead.
    add_compile_options(-Wno-tsan)
  endif()
elseif(FILCH_SANITIZE)
  message(FATAL_ERROR "FILCH_SANITIZE is '${FILCH_SANITIZE}': use address, thread, or leave it empty")
endif()
if(FILCH_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # The static runtime brings an operator new of its own, which the tests must be able to replace.
  execute_process(
    COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libclang_rt.asan-${CMAKE_SYSTEM_PROCESSOR}.so
    OUTPUT_VARIABLE filch_runtime OUTPUT_STRIP_TRAILING_WHITESPACE)
  get_filename_component(filch_runtime "${filch_runtime}" DIRECTORY)
  add_link_options(-shared-libsan "LINKER:-rpath,${filch_runtime}")
endif()

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  find_program(FILCH_CCACHE ccache)
  if(FILCH_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${FILCH_CCACHE}")
  endif()
endif()
