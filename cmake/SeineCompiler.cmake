# SPDX-License-Identifier: Apache-2.0
# Language, warnings and instrumentation for everything that is built here.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_FLAGS_RELEASE "-O3 -g1 -DNDEBUG")

add_library(seine_flags INTERFACE)
target_compile_definitions(seine_flags INTERFACE _GNU_SOURCE)
target_compile_options(seine_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -fno-math-errno)
if(SEINE_WERROR)
  target_compile_options(seine_flags INTERFACE -Werror)
endif()
if(SEINE_SANITIZE)
  target_compile_options(seine_flags INTERFACE -fsanitize=${SEINE_SANITIZE}
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(seine_flags INTERFACE -fsanitize=${SEINE_SANITIZE})
endif()
if(SEINE_COVERAGE)
  # Atomic: counters of several threads would otherwise be lost, and some even turn negative.
  target_compile_options(seine_flags INTERFACE --coverage -fprofile-update=atomic -O0)
  target_link_options(seine_flags INTERFACE --coverage)
endif()
if(SEINE_FUZZ)
  target_compile_options(seine_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
