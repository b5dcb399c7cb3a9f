# What `cmake --install BUILD --prefix DIR` makes of the build: a folder that runs on a machine that has PyTorch and
# nothing else of what the build needed.
#
#   DIR/bin      westofn, westofn-env, the test programs of tests/gpu, mpirun and orted
#   DIR/lib      every shared library that they need, but the base system's and those of PyTorch; plug-ins of Open MPI
#   DIR/share    messages of Open MPI; NOTICE
#
# `--component program` installs westofn and westofn-env only: for a cluster that has its own Open MPI and HDF5.

# westofn_install_program(TARGET COMPONENT)
function(westofn_install_program target component)
  # As DT_RPATH it also holds for what the libraries need in turn.
  target_link_options(${target} PRIVATE "-Wl,--disable-new-dtags")
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")
  install(TARGETS ${target} RUNTIME DESTINATION bin COMPONENT ${component})
  set_property(GLOBAL APPEND PROPERTY WESTOFN_INSTALLED "$<TARGET_FILE:${target}>")
endfunction()

# westofn_install_libraries(): call it once, after all programs.
function(westofn_install_libraries)
  get_property(programs GLOBAL PROPERTY WESTOFN_INSTALLED)
  install(PROGRAMS "${PROJECT_SOURCE_DIR}/src/cmake/westofn-env" DESTINATION bin COMPONENT program)
  cmake_path(GET TorchWheel_ROOT PARENT_PATH torch_site)
  string(CONCAT settings
    "set(programs \"${programs}\")\n"
    "set(mpirun \"${MPIEXEC_EXECUTABLE}\")\n"
    "set(torch_folders \"${TorchWheel_ROOT};${torch_site}/nvidia\")\n"
    "set(CMAKE_STRIP \"${CMAKE_STRIP}\")\n"
    "set(CMAKE_OBJDUMP \"${CMAKE_OBJDUMP}\")\n")
  set(script "${PROJECT_BINARY_DIR}/install_settings_$<CONFIG>.cmake")
  file(GENERATE OUTPUT "${script}" CONTENT "${settings}")
  install(CODE "include(\"${PROJECT_BINARY_DIR}/install_settings_${CMAKE_BUILD_TYPE}.cmake\")
include(\"${PROJECT_SOURCE_DIR}/src/cmake/install_libraries.cmake\")" COMPONENT libraries)
endfunction()
