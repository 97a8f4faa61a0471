# filch_bench(<name> SOURCES <file>... [LIBRARIES <target>...])
# One benchmark program `bench_<name>` in <build>/bench, built by the target `filch_bench` and run
# by `./dev bench <name>`. It exits non-zero when an answer is wrong.
add_custom_target(filch_bench)

function(filch_bench name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  add_executable(bench_${name} ${arg_SOURCES})
  target_link_libraries(bench_${name} PRIVATE
    filch::filch ${arg_LIBRARIES} filch_warnings filch_hardening)
  target_compile_features(bench_${name} PRIVATE cxx_std_20)
  set_target_properties(bench_${name} PROPERTIES
    CXX_EXTENSIONS OFF RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
  add_dependencies(filch_bench bench_${name})
endfunction()
