# filch_test(<name> LABEL <label> SOURCES <file>... [LIBRARIES <target>...] [TIMEOUT <seconds>]
#            [INTERNALS] [ALONE])
# One GoogleTest program `test_<name>`; each of its TESTs is a ctest of its own, under that label.
# INTERNALS links core with nothing hidden instead of the shared library, and shows core/src.
# ALONE keeps other tests from running at the same time, for those that measure.
include(GoogleTest)

function(filch_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "INTERNALS;ALONE" "LABEL;TIMEOUT" "SOURCES;LIBRARIES")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  if(FILCH_SANITIZE)
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 5")
  endif()
  set(core filch::filch)
  if(arg_INTERNALS)
    set(core filch_internals)
  endif()
  set(alone FALSE)
  if(arg_ALONE)
    set(alone TRUE)
  endif()
  add_executable(test_${name} ${arg_SOURCES})
  target_link_libraries(test_${name} PRIVATE
    ${core} ${arg_LIBRARIES} GTest::gmock GTest::gtest_main filch_warnings filch_hardening)
  target_compile_features(test_${name} PRIVATE cxx_std_20)
  set_target_properties(test_${name} PROPERTIES CXX_EXTENSIONS OFF)
  gtest_discover_tests(test_${name}
    DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT} RUN_SERIAL ${alone})
endfunction()
