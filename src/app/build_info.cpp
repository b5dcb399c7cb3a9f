// SPDX-License-Identifier: Apache-2.0
#include "app/build_info.h"

#include <spdlog/version.h>
#include <boost/version.hpp>
#include <nlohmann/json.hpp>

namespace westofn::app {

std::string program_version() { return WESTOFN_VERSION; }

std::string build_description() {
  const auto dotted = [](int major, int minor, int patch) {
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  };
  return "westofn " + program_version() + ", " WESTOFN_BUILD_TYPE ", g++ " __VERSION__ "\nBoost " +
         dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100) + ", nlohmann-json " +
         dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH) + ", spdlog " +
         dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH);
}

}  // namespace westofn::app
