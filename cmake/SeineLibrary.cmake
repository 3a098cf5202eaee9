# SPDX-License-Identifier: Apache-2.0
# libseine, shared with a symbol map; and the same objects as a static library for the tests, which reach
# inside.
set(objects "")
foreach(layer IN LISTS SEINE_LAYER_OBJECTS)
  list(APPEND objects $<TARGET_OBJECTS:${layer}>)
endforeach()

add_library(seine SHARED ${objects})
set_target_properties(seine PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                      LINKER_LANGUAGE C)
target_include_directories(seine PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# Never unloaded: threads of living loaders run in it (docs/caveats.md, dlclose).
target_link_options(seine PRIVATE LINKER:-z,nodelete LINKER:--version-script=${CMAKE_SOURCE_DIR}/cmake/seine.map
                    LINKER:--no-undefined-version)
if(NOT SEINE_SANITIZE)
  target_link_options(seine PRIVATE LINKER:--no-undefined)
endif()
set_property(TARGET seine APPEND PROPERTY LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/seine.map)
target_link_libraries(seine PRIVATE $<BUILD_INTERFACE:seine_flags> PkgConfig::XXHASH PkgConfig::JANSSON
                      PkgConfig::HWLOC Threads::Threads m)

if(BUILD_TESTING OR SEINE_FUZZ)
  add_library(seine_inside STATIC ${objects})
  set_target_properties(seine_inside PROPERTIES LINKER_LANGUAGE C)
  target_include_directories(seine_inside PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR})
  target_link_libraries(seine_inside PUBLIC seine_flags PkgConfig::XXHASH PkgConfig::JANSSON
                        PkgConfig::HWLOC Threads::Threads m)
endif()
