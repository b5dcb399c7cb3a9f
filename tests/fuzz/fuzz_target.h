// SPDX-License-Identifier: Apache-2.0
// What a fuzz target provides: the entry point that libFuzzer calls, and valid inputs to begin from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// Handles one input; anything but a refusal by DataError, ConfigError or CommError is a bug and ends the process.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace westofn::fuzz {

/// Inputs that are accepted, or nearly; the replay driver mutates them.
[[nodiscard]] std::vector<std::string> seeds();

}  // namespace westofn::fuzz
