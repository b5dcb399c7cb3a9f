# Finds LibTorch, NCCL and the CUDA headers as the PyTorch wheel brings them; no CUDA toolkit is needed.
#
# Looks in WESTOFN_TORCH (CMake or environment variable: the folder with include/ and lib/, such as
# .../site-packages/torch), then in .venv of the checkout. find_package(Torch) is not used: with the CUDA wheel it
# asks for a CUDA toolkit. Defines the targets
#   TorchWheel::torch   LibTorch with its CUDA part where the wheel has one
#   TorchWheel::nccl    NCCL, only if found
# and the variables TorchWheel_FOUND, TorchWheel_VERSION, TorchWheel_WITH_NCCL.

if(NOT WESTOFN_TORCH AND DEFINED ENV{WESTOFN_TORCH})
  set(WESTOFN_TORCH "$ENV{WESTOFN_TORCH}")
endif()
file(GLOB _venv_torch "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
find_path(TorchWheel_ROOT NAMES include/ATen/ATen.h HINTS "${WESTOFN_TORCH}" ${_venv_torch} NO_DEFAULT_PATH)

if(TorchWheel_ROOT)
  set(_lib "${TorchWheel_ROOT}/lib")
  set(_nvidia "${TorchWheel_ROOT}/../nvidia")
  if(EXISTS "${TorchWheel_ROOT}/version.py")
    file(STRINGS "${TorchWheel_ROOT}/version.py" _version REGEX "^__version__")
    string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" TorchWheel_VERSION "${_version}")
  elseif(EXISTS "${TorchWheel_ROOT}/build-version")
    file(STRINGS "${TorchWheel_ROOT}/build-version" _version)
    string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" TorchWheel_VERSION "${_version}")
  endif()
  find_path(TorchWheel_CUDA_INCLUDE cuda_runtime_api.h
            HINTS "${_nvidia}/cu13/include" "${_nvidia}/cuda_runtime/include" ENV CUDA_HOME PATH_SUFFIXES include)
  # cuda_runtime.h includes these; the torch wheel does not bring them (requirements.txt does).
  find_path(TorchWheel_CRT_INCLUDE crt/host_config.h
            HINTS "${TorchWheel_CUDA_INCLUDE}" ENV CUDA_HOME PATH_SUFFIXES include)
  find_path(TorchWheel_CCCL_INCLUDE nv/target
            HINTS "${TorchWheel_CUDA_INCLUDE}" ENV CUDA_HOME PATH_SUFFIXES include)
  if(TorchWheel_CUDA_INCLUDE AND NOT (TorchWheel_CRT_INCLUDE AND TorchWheel_CCCL_INCLUDE))
    message(WARNING "No crt/host_config.h or nv/target: install the wheels nvidia-cuda-crt and nvidia-cuda-cccl or set "
                    "CUDA_HOME. Building without NCCL.")
  endif()
  find_path(TorchWheel_NCCL_INCLUDE nccl.h HINTS "${_nvidia}/nccl/include")
  find_library(TorchWheel_NCCL_LIBRARY NAMES libnccl.so.2 nccl HINTS "${_nvidia}/nccl/lib")
  find_library(TorchWheel_CUDART_LIBRARY NAMES libcudart.so.13 libcudart.so.12 cudart
               HINTS "${_nvidia}/cu13/lib" "${_nvidia}/cuda_runtime/lib")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(TorchWheel
  REQUIRED_VARS TorchWheel_ROOT
  VERSION_VAR TorchWheel_VERSION
  REASON_FAILURE_MESSAGE "Run ./setup.sh to install the PyTorch wheel into .venv, or set WESTOFN_TORCH to a folder with include/ and lib/ of LibTorch.")

if(TorchWheel_FOUND AND NOT TARGET TorchWheel::torch)
  add_library(TorchWheel::torch INTERFACE IMPORTED)
  target_include_directories(TorchWheel::torch SYSTEM INTERFACE
    "${TorchWheel_ROOT}/include" "${TorchWheel_ROOT}/include/torch/csrc/api/include")
  # The CUDA libraries register themselves when they are loaded: nothing refers to them, so --as-needed drops them.
  set(_libraries torch torch_cpu c10)
  if(EXISTS "${_lib}/libtorch_cuda.so" AND TorchWheel_CUDA_INCLUDE)
    list(APPEND _libraries torch_cuda c10_cuda)
    set(TorchWheel_WITH_CUDA ON)
    target_include_directories(TorchWheel::torch SYSTEM INTERFACE "${TorchWheel_CUDA_INCLUDE}")
  endif()
  list(TRANSFORM _libraries PREPEND "${_lib}/lib")
  list(TRANSFORM _libraries APPEND ".so")
  # libtorch.so exports parts of an older libstdc++ (std::filesystem) that crash when a program gets hold of them:
  # the real one must stand before it in the order in which symbols are looked up.
  target_link_libraries(TorchWheel::torch INTERFACE
    "-Wl,--push-state,--no-as-needed" stdc++ ${_libraries} ${TorchWheel_CUDART_LIBRARY} "-Wl,--pop-state")
  if(TorchWheel_CUDART_LIBRARY)
    cmake_path(GET TorchWheel_CUDART_LIBRARY PARENT_PATH _cudart_folder)
    target_link_options(TorchWheel::torch INTERFACE "-Wl,-rpath-link,${_cudart_folder}")
  endif()

  if(TorchWheel_WITH_CUDA AND TorchWheel_CRT_INCLUDE AND TorchWheel_CCCL_INCLUDE AND TorchWheel_NCCL_INCLUDE
     AND TorchWheel_NCCL_LIBRARY)
    set(TorchWheel_WITH_NCCL ON)
    add_library(TorchWheel::nccl INTERFACE IMPORTED)
    target_include_directories(TorchWheel::nccl SYSTEM INTERFACE
      "${TorchWheel_NCCL_INCLUDE}" "${TorchWheel_CUDA_INCLUDE}" "${TorchWheel_CRT_INCLUDE}"
      "${TorchWheel_CCCL_INCLUDE}")
    target_link_libraries(TorchWheel::nccl INTERFACE "${TorchWheel_NCCL_LIBRARY}" "${TorchWheel_CUDART_LIBRARY}")
  endif()
endif()
mark_as_advanced(TorchWheel_ROOT TorchWheel_CUDA_INCLUDE TorchWheel_CRT_INCLUDE TorchWheel_NCCL_INCLUDE TorchWheel_NCCL_LIBRARY
                 TorchWheel_CUDART_LIBRARY)
