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

# *_avx2.c and *_avx512.c are compiled for their instruction set, and nothing else is.
function(seine_isa_flags)
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    return()
  endif()
  foreach(source IN LISTS ARGN)
    if(source MATCHES "_avx2\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-mavx2;-mbmi2")
    elseif(source MATCHES "_avx512\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS
        "-mavx512f;-mavx512cd;-mavx512bw;-mavx512dq;-mavx512vl;-mbmi2")
    endif()
  endforeach()
endfunction()

function(seine_layer folder)
  cmake_parse_arguments(LAYER "" "" "SEES" ${ARGN})
  string(REPLACE "/" "_" name ${folder})
  seine_include_root(${folder} root ${folder} ${LAYER_SEES})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
  add_library(seine_${name} OBJECT ${sources})
  seine_isa_flags(${sources})
  target_include_directories(seine_${name} PRIVATE ${root} ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(seine_${name} PRIVATE seine_flags PkgConfig::XXHASH PkgConfig::JANSSON
                        PkgConfig::HWLOC Threads::Threads)
  set(SEINE_LAYER_OBJECTS ${SEINE_LAYER_OBJECTS} seine_${name} PARENT_SCOPE)
endfunction()
