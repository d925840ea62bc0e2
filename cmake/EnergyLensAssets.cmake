# energy_lens_assets(<header> <name> <file> ...): the files' text as C++ string constants, so that a report needs no file
# beside the program.
function(energy_lens_assets header)
  set(content "// Made from viewer/ when CMake runs.\n#pragma once\n")
  while(ARGN)
    list(POP_FRONT ARGN name file)
    file(READ "${CMAKE_SOURCE_DIR}/${file}" text)
    string(APPEND content "inline constexpr char ${name}[] = R\"EL_ASSET(${text})EL_ASSET\";\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${file}")
  endwhile()
  file(CONFIGURE OUTPUT "${header}" CONTENT "${content}" @ONLY)
endfunction()
