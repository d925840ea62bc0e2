# energy_lens_library(<folder> [PCH JSON|NONE] DEPS ...): every .cpp below energy_lens/<folder> becomes target
# energy_lens_<folder>. A dependency that is one of our folders may be named by the folder alone.
# Folders with tensors share one precompiled <ATen/ATen.h>, made by the core library; it costs the others more than it
# saves, because every unit instantiates what its templates left open. They say PCH and what they have instead.
function(energy_lens_library folder)
  cmake_parse_arguments(ARG "" "PCH" "DEPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/energy_lens/${folder}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/torch_free/")
  set(target energy_lens_${folder})
  foreach(dep ${ARG_DEPS})
    if(TARGET energy_lens_${dep})
      list(APPEND linked energy_lens_${dep})
    else()
      list(APPEND linked ${dep})
    endif()
  endforeach()
  if(NOT sources)  # headers only: hands its dependencies on
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${linked})
    return()
  endif()
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${target} PUBLIC ${linked} PRIVATE energy_lens_flags)
  energy_lens_use_pch(${target} "${ARG_PCH}")
endfunction()

# energy_lens_torch_free_library(<folder> DEPS ...): sources that see no torch header and link without torch, such as
# inner loops compiled once an instruction set. Target energy_lens_<folder>, with _ for /.
function(energy_lens_torch_free_library folder)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/energy_lens/${folder}/*.cpp")
  string(REPLACE "/" "_" target energy_lens_${folder})
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${target} PUBLIC ${ARG_DEPS} PRIVATE energy_lens_flags)
endfunction()

function(energy_lens_use_pch target instead)
  if(target STREQUAL "energy_lens_core")
    target_precompile_headers(${target} PRIVATE <ATen/ATen.h> <string> <vector>)
  elseif(instead STREQUAL "JSON")
    target_precompile_headers(${target} PRIVATE <nlohmann/json.hpp> <string> <vector>)
  elseif(NOT instead)
    target_precompile_headers(${target} REUSE_FROM energy_lens_core)
  endif()
endfunction()
