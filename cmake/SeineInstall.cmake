# SPDX-License-Identifier: Apache-2.0
include(CMakePackageConfigHelpers)
install(TARGETS seine EXPORT seine-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS seine_command seine_worker RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/seine DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/seine)
install(EXPORT seine-targets NAMESPACE seine:: DESTINATION ${package_dir} FILE seine-targets.cmake)
configure_package_config_file(cmake/seine-config.cmake.in ${CMAKE_BINARY_DIR}/seine-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/seine-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/seine-config.cmake ${CMAKE_BINARY_DIR}/seine-config-version.cmake
        DESTINATION ${package_dir})
# Relative, so that the file is right under whatever prefix it is installed.
file(RELATIVE_PATH SEINE_PC_TO_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/seine.pc.in ${CMAKE_BINARY_DIR}/seine.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/seine.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
