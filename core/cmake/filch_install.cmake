# What find_package(filch) reads; the libraries install themselves in filch_library().
include(CMakePackageConfigHelpers)

set(filch_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/filch)
configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/filchConfig.cmake.in ${PROJECT_BINARY_DIR}/filchConfig.cmake
  INSTALL_DESTINATION ${filch_config_dir})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/filchConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/filchConfig.cmake ${PROJECT_BINARY_DIR}/filchConfigVersion.cmake
        DESTINATION ${filch_config_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
