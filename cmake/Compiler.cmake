# Warnings and sanitizers of every target of ours.
add_library(ripcord_compiler INTERFACE)
target_include_directories(ripcord_compiler INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
# cpprestsdk's U() macro breaks gtest and fmt when it is on.
target_compile_definitions(ripcord_compiler INTERFACE _TURN_OFF_PLATFORM_STRING)
target_compile_options(ripcord_compiler INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  -Wno-missing-field-initializers)  # designated initializers name what differs from the default
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 warns falsely when it optimises: about `"text" + std::string` (GCC bug 105651), and about values
  # moved out of an `expected`.
  target_compile_options(ripcord_compiler INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(ripcord_compiler INTERFACE -Wthread-safety -Wthread-safety-beta)
endif()
if(RIPCORD_SANITIZE)
  # vptr: cpprestsdk's streams are not instrumented and give false positives.
  set(flags -fsanitize=${RIPCORD_SANITIZE} -fno-omit-frame-pointer)
  if(RIPCORD_SANITIZE MATCHES "undefined")
    list(APPEND flags -fno-sanitize=vptr -fno-sanitize-recover=all)
  endif()
  if(RIPCORD_FUZZ)
    list(APPEND flags -fsanitize=fuzzer-no-link)
  endif()
  target_compile_options(ripcord_compiler INTERFACE ${flags})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # atomic_thread_fence in Boost.Asio, which TSan does not model.
    target_compile_options(ripcord_compiler INTERFACE -Wno-error=tsan)
  endif()
  target_link_options(ripcord_compiler INTERFACE ${flags})
endif()
