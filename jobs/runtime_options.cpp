// SPDX-License-Identifier: Apache-2.0
#include "jobs/runtime_options.h"

#include "jobs/jobs.h"

namespace westofn::jobs {
namespace {

/// An option whose values are the names of an enum.
template <class E>
void add_choice(CLI::App& command, const std::string& name, E& value, const std::string& help) {
  const auto set = [&value](const std::string& text) {
    for (const auto& entry : config::EnumNames<E>::table) {
      if (entry.name == text) value = entry.value;
    }
  };
  command.add_option_function<std::string>(name, set, help)
      ->type_name("NAME")
      ->check(CLI::IsMember(config::enum_names<E>()));
}

}  // namespace

void add_runtime_options(CLI::App& command, model::RuntimeSettings& runtime) {
  add_choice(command, "--device", runtime.device, "auto (default: a GPU if this rank has one), cpu or cuda");
  add_choice(command, "--dtype", runtime.dtype, "type of weights and activations: float32 (default) or bfloat16");
  command.add_option("--threads", runtime.threads, "CPU threads of a rank (default 1)")
      ->type_name("N")
      ->check(number_between(1, 4096));
}

}  // namespace westofn::jobs
