# SPDX-License-Identifier: Apache-2.0
# seine_layer(<folder> SEES <lower folders>): one object library per layer. Its include root holds links to
# the folders that it may include and to no other, so that a wrong include has no path.
set(SEINE_LAYER_OBJECTS "")

function(seine_include_root folder out)
  string(REPLACE "/" "_" name ${folder})
  set(root ${CMAKE_BINARY_DIR}/include-roots/${name})
  foreach(visible IN LISTS ARGN)
    get_filename_component(parent ${visible} DIRECTORY)
    file(MAKE_DIRECTORY ${root}/${parent})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${visible} ${root}/${visible} SYMBOLIC)
  endforeach()
  set(${out} ${root} PARENT_SCOPE)
endfunction()

function(seine_layer folder)
  cmake_parse_arguments(LAYER "" "" "SEES" ${ARGN})
  string(REPLACE "/" "_" name ${folder})
  seine_include_root(${folder} root ${folder} ${LAYER_SEES})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
  add_library(seine_${name} OBJECT ${sources})
  target_include_directories(seine_${name} PRIVATE ${root} ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(seine_${name} PRIVATE seine_flags PkgConfig::XXHASH PkgConfig::JANSSON
                        PkgConfig::HWLOC Threads::Threads)
  set(SEINE_LAYER_OBJECTS ${SEINE_LAYER_OBJECTS} seine_${name} PARENT_SCOPE)
endfunction()
