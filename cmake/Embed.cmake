# ripcord_embed(TARGET SYMBOL FILES...): compiles files into a library, so that the binary runs from any folder.
# SYMBOL is the qualified name of a function `std::span<const EmbeddedFile> SYMBOL()` that a header of the caller
# declares; HEADER names that header. A changed file is embedded anew by the next build.
function(ripcord_embed target)
  cmake_parse_arguments(ARG "" "SYMBOL;HEADER" "FILES" ${ARGN})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${target}_embedded.cc)
  list(JOIN ARG_FILES "|" joined)
  add_custom_command(OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${source} -DSYMBOL=${ARG_SYMBOL} -DHEADER=${ARG_HEADER} "-DFILES=${joined}"
      -P ${PROJECT_SOURCE_DIR}/cmake/EmbedFiles.cmake
    DEPENDS ${ARG_FILES} ${PROJECT_SOURCE_DIR}/cmake/EmbedFiles.cmake
    COMMENT "Embedding the files of ${target}" VERBATIM)
  add_library(${target} STATIC ${source})
  target_link_libraries(${target} PUBLIC ripcord_compiler)
endfunction()
