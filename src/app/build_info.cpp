// SPDX-License-Identifier: Apache-2.0
#include "app/build_info.h"

#include <spdlog/version.h>
#include <boost/version.hpp>
#include <nlohmann/json.hpp>

#include "comm/device/device_info.h"
#include "comm/session.h"
#include "io/hdf5_version.h"
#include "util/text.h"

namespace westofn::app {
namespace {

std::string dotted(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

}  // namespace

std::string program_version() { return WESTOFN_VERSION; }

std::vector<std::pair<std::string, std::string>> library_versions() {
  const std::string nccl = comm::nccl_version();
  return {{"westofn", program_version()},
          {"build", WESTOFN_BUILD_TYPE ", g++ " __VERSION__},
          {"LibTorch", comm::torch_version()},
          {"NCCL", nccl.empty() ? "none" : nccl},
          {"MPI", std::string(trimmed(comm::MpiSession::library_version()))},
          {"HDF5", io::hdf5_version().version}};
}

std::string build_description() {
  return "westofn " + program_version() + ", " WESTOFN_BUILD_TYPE ", g++ " __VERSION__ "\nBoost " +
         dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100) + ", nlohmann-json " +
         dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH) + ", spdlog " +
         dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH);
}

}  // namespace westofn::app
