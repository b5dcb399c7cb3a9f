# Helpers that declare tests; every test has a label and a timeout.
include(GoogleTest)

# westofn_unit_test(NAME SOURCES a_test.cpp ... LIBS westofn_x ...): one program, one ctest entry, no launcher.
function(westofn_unit_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE westofn_options westofn_test_support ${arg_LIBS} GTest::gmock GTest::gtest_main)
  add_test(NAME unit.${name} COMMAND ${name})
  # One thread: on a busy machine small tensors on several threads mostly wait for one another.
  set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 240 ENVIRONMENT OMP_NUM_THREADS=1)
endfunction()

# westofn_mpi_test(NAME SOURCES ... LIBS ... [RANKS 1 2 4] [TIMEOUT 60]): one program, one ctest entry a rank count.
# Its main is tests/support/mpi_main.cpp: rank 0 prints, the others print failures only.
function(westofn_mpi_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBS;RANKS" ${ARGN})
  if(NOT arg_RANKS)
    set(arg_RANKS 1 2 4)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE westofn_options westofn_test_support ${arg_LIBS} westofn_mpi_main)
  foreach(ranks IN LISTS arg_RANKS)
    add_test(NAME mpi.${name}.${ranks}
             COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe -n ${ranks} $<TARGET_FILE:${name}>)
    set_tests_properties(mpi.${name}.${ranks} PROPERTIES
      LABELS mpi TIMEOUT ${arg_TIMEOUT} PROCESSORS ${ranks}
      ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMP_NUM_THREADS=1;OMPI_MCA_rmaps_base_oversubscribe=1;OMPI_MCA_mpi_yield_when_idle=1;OMPI_MCA_hwloc_base_binding_policy=none")
  endforeach()
endfunction()
