# SPDX-License-Identifier: Apache-2.0
# The command. It sees the public headers and its own folders, nothing of the library's inside.
file(GLOB tool_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/seine/*.c)
if(SEINE_BENCH)
  file(GLOB bench_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.c)
  list(APPEND tool_sources ${bench_sources})
endif()
if(OPENBLAS_FOUND)
  file(GLOB train_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/train/*.c)
  list(APPEND tool_sources ${train_sources})
endif()
seine_include_root(programs program_root tools bench examples)
add_executable(seine_command ${tool_sources})
set_target_properties(seine_command PROPERTIES OUTPUT_NAME seine
                      INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
target_include_directories(seine_command PRIVATE ${program_root})
target_link_libraries(seine_command PRIVATE seine seine_flags PkgConfig::JANSSON PkgConfig::HWLOC
                      Threads::Threads m)
if(SEINE_BENCH)
  target_compile_definitions(seine_command PRIVATE SEINE_HAVE_BENCH=1)
endif()
if(OPENBLAS_FOUND)
  target_compile_definitions(seine_command PRIVATE SEINE_HAVE_TRAIN=1)
  target_link_libraries(seine_command PRIVATE PkgConfig::OPENBLAS)
endif()

# The limits once more, by a program that shares nothing with the library.
if(SEINE_BENCH)
  add_executable(limits_probe bench/reference/limits.c)
  target_link_libraries(limits_probe PRIVATE seine_flags)
endif()

# What loaders start: in bin/, where the library looks for it (../bin from its own folder).
add_executable(seine_worker ${CMAKE_SOURCE_DIR}/tools/seine-worker/main.c)
set_target_properties(seine_worker PROPERTIES OUTPUT_NAME seine-worker
                      INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
target_link_libraries(seine_worker PRIVATE seine seine_flags)
