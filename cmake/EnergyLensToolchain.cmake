# Compiler settings and the outside packages, each found once.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
      "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" ${CCACHE_PROGRAM})
endif()

execute_process(
  COMMAND "${ENERGY_LENS_PYTHON}" -c "import os, torch; print(os.path.dirname(torch.__file__), torch.__version__, sep=';')"
  OUTPUT_VARIABLE TORCH_FOUND OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE TORCH_FOUND_RESULT)
if(NOT TORCH_FOUND_RESULT EQUAL 0)
  message(FATAL_ERROR "${ENERGY_LENS_PYTHON} has no torch: run tools/bootstrap first")
endif()
list(GET TORCH_FOUND 0 TORCH_FOLDER)
list(GET TORCH_FOUND 1 TORCH_VERSION)
if(NOT TORCH_VERSION MATCHES "^2[.]13[.]")
  message(FATAL_ERROR "${ENERGY_LENS_PYTHON} has torch ${TORCH_VERSION}, expected 2.13: run tools/bootstrap")
endif()
# By hand: the wheel's own package file asks for a CUDA toolkit where the wheel was built with CUDA, as the one that PyPI
# has for Linux is. Nothing here is compiled with it, and its part for CUDA is loaded where a device is asked for
# (model/placement.cpp).
add_library(Torch INTERFACE)
target_include_directories(Torch SYSTEM INTERFACE "${TORCH_FOLDER}/include")
foreach(library torch_cpu c10)
  target_link_libraries(Torch INTERFACE
    "${TORCH_FOLDER}/lib/${CMAKE_SHARED_LIBRARY_PREFIX}${library}${CMAKE_SHARED_LIBRARY_SUFFIX}")
endforeach()
target_link_libraries(Torch INTERFACE ${CMAKE_DL_LIBS})
# at::parallel_for is a header template that runs serially unless the including unit has OpenMP. The wheel ships its
# own libgomp under the usual soname, so only one is loaded.
if(NOT APPLE)
  target_compile_options(Torch INTERFACE -fopenmp)
  target_link_options(Torch INTERFACE -fopenmp)
endif()

find_package(nlohmann_json 3.11 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(ZIP REQUIRED IMPORTED_TARGET libzip)
find_package(CURL REQUIRED)
find_package(hwy REQUIRED)

add_library(energy_lens_flags INTERFACE)
target_compile_options(energy_lens_flags INTERFACE -Wall -Wextra -Wno-unused-parameter)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  # Overlaps and overruns that these versions see in std::string's own operator+ (GCC bug 105651).
  target_compile_options(energy_lens_flags INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow)
endif()
if(ENERGY_LENS_ASAN)
  target_compile_options(energy_lens_flags INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer
                         -fno-sanitize=vptr)
  target_link_options(energy_lens_flags INTERFACE -fsanitize=address,undefined)
endif()
if(ENERGY_LENS_TSAN)
  target_compile_options(energy_lens_flags INTERFACE -fsanitize=thread)
  target_link_options(energy_lens_flags INTERFACE -fsanitize=thread)
endif()
