// SPDX-License-Identifier: Apache-2.0
// The options of commands that load a model without an experiment: device, type of numbers, threads.
#pragma once

#include <CLI/CLI.hpp>

#include "model/runtime.h"

namespace westofn::jobs {

/// Adds --device, --dtype and --threads.
void add_runtime_options(CLI::App& command, model::RuntimeSettings& runtime);

}  // namespace westofn::jobs
