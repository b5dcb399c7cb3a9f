// SPDX-License-Identifier: Apache-2.0
#include "training/rehearsal.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "util/error.h"

namespace westofn::training {

std::vector<TrainedWeight> rehearse(std::span<const model::Parameter> named,
                                    const std::function<void(const gradient::GradientSink&)>& pass) {
  std::vector<TrainedWeight> weights;
  pass([&](const at::Tensor& weight, const at::Tensor& gradient) {
    const auto found =
        std::ranges::find_if(named, [&](const model::Parameter& parameter) { return parameter.value.is_same(weight); });
    WESTOFN_CHECK(found != named.end(), "a gradient is of a weight of the model");
    weights.push_back({found->name, weight, std::nullopt});
    if (gradient.defined()) weights.back().gradient_type = gradient.scalar_type();
  });
  return weights;
}

std::vector<tokenizer::Tokens> rehearsal_input() { return {{tokenizer::TokenId{1}}}; }

gradient::DropoutSource dropout_source(double rate, std::size_t sequences, RandomSequence& random) {
  std::vector<std::uint32_t> keys;
  for (std::size_t i = 0; rate > 0 && i < sequences; ++i) {
    keys.push_back(static_cast<std::uint32_t>(std::ldexp(random.uniform(), 32)));
  }
  return {rate, std::move(keys)};
}

ObjectiveGradient differentiate_objective(std::vector<at::Tensor> arguments,
                                          const std::function<at::Tensor(std::span<const at::Tensor>)>& f) {
  const at::AutoGradMode with_gradients(true);
  for (at::Tensor& argument : arguments) argument = argument.detach().requires_grad_(true);
  const at::Tensor value = f(arguments);
  value.backward();
  ObjectiveGradient result{value.item<double>(), {}};
  for (const at::Tensor& argument : arguments) result.gradients.push_back(argument.grad());
  return result;
}

}  // namespace westofn::training
