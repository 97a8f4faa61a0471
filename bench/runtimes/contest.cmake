# filch_contest(<workload> SOURCE <file> RUNTIMES <runtime>...)
# One program `bench_<workload>_<runtime>` for each runtime that this build has, in
# <build>/bench/contest, built by the target `filch_bench` and run in turns by bench/run.py. All are
# made of the same SOURCE, which includes "runtime.hpp": each sees its runtime's own. A runtime of
# coroutines has <runtime>.cpp in the workload's folder instead.
#
# No hardening flags: peers are headers for the most part, and ours are too, so that all of them are
# compiled like an application's own code.
option(FILCH_BENCH_NATIVE "Let the contest programs use all instructions of this processor" ON)

function(filch_contest workload)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SOURCE" "RUNTIMES")
  foreach(runtime IN LISTS arg_RUNTIMES)
    if(NOT TARGET filch_runtime_${runtime})
      continue()
    endif()
    set(source ${arg_SOURCE})
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${runtime}.cpp)
      set(source ${runtime}.cpp)
    endif()
    set(program bench_${workload}_${runtime})
    add_executable(${program} EXCLUDE_FROM_ALL ${source})
    target_link_libraries(${program} PRIVATE
      filch_warnings filch_runtime_${runtime} filch_bench_contest)
    target_compile_options(${program} PRIVATE $<$<BOOL:${FILCH_BENCH_NATIVE}>:-march=native>)
    set_target_properties(${program} PROPERTIES
      CXX_EXTENSIONS OFF RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench/contest)
    add_dependencies(filch_bench ${program})
    set_property(GLOBAL APPEND_STRING PROPERTY filch_contest_programs
      "${workload} ${runtime} ${program}\n")
  endforeach()
endfunction()

# What bench/run.py reads: the programs of this build, and the runtimes it has not, with the reason.
function(filch_contest_manifest)
  get_property(programs GLOBAL PROPERTY filch_contest_programs)
  get_property(missing GLOBAL PROPERTY filch_contest_missing)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/bench/contest/programs.txt
       CONTENT "${programs}" @ONLY)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/bench/contest/missing.txt CONTENT "${missing}" @ONLY)
endfunction()
