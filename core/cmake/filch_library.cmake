# filch_library(<target> EXPORT_NAME <name> SOURCES <file>...)
# One library of filch: `filch::<name>` here and after find_package, with its public headers in
# ./include. The caller adds what it links. Everything but FILCH_API stays hidden.
include(GNUInstallDirs)

function(filch_library target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "EXPORT_NAME" "SOURCES")
  add_library(${target} ${arg_SOURCES})
  add_library(filch::${arg_EXPORT_NAME} ALIAS ${target})
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${arg_EXPORT_NAME}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON
    INSTALL_RPATH "$ORIGIN")
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  # Not inherited, and not part of the export set of a static build either.
  target_link_libraries(${target} PRIVATE
    $<BUILD_INTERFACE:filch_warnings> $<BUILD_INTERFACE:filch_hardening>)
  # A library that is unloaded with a plugin would take the code of its threads with it.
  get_target_property(type ${target} TYPE)
  if(type STREQUAL SHARED_LIBRARY)
    target_link_options(${target} PRIVATE LINKER:-z,nodelete)
    # What the library calls of its own is its own: no detour by the table for other libraries.
    target_compile_options(${target} PRIVATE -fno-semantic-interposition)
    target_link_options(${target} PRIVATE LINKER:-Bsymbolic-functions)
  else()
    target_link_options(${target} INTERFACE LINKER:-z,nodelete)
  endif()

  if(FILCH_INSTALL)
    install(TARGETS ${target} EXPORT filch_${arg_EXPORT_NAME}
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
    install(EXPORT filch_${arg_EXPORT_NAME} NAMESPACE filch::
            FILE filch-${arg_EXPORT_NAME}.cmake
            DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/filch)
  endif()
endfunction()
