// SPDX-License-Identifier: Apache-2.0
#include "training/validation.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "comm/agree.h"

namespace westofn::training {

Task::Validation validate_all(app::StageRun& stage, Task& task) {
  constexpr std::size_t width = 4;
  comm::Communicator& world = stage.job().world;
  const std::int64_t portions = task.validation_portions();
  std::vector<double> slots(width * static_cast<std::size_t>(portions));
  comm::agree(world, [&] {
    const at::NoGradGuard no_grad;
    for (std::int64_t portion = world.rank(); portion < portions; portion += world.size()) {
      stage.beat();
      const auto [loss, correct, weight, count] = task.validate(portion);
      std::ranges::copy(std::initializer_list<double>{loss, correct, weight, count},
                        slots.begin() + static_cast<std::ptrdiff_t>(width) * portion);
    }
  });
  world.all_reduce(slots, comm::ReduceOp::sum);
  Task::Validation total;
  for (std::size_t i = 0; i < slots.size(); i += width) {
    total.loss += slots[i];
    total.correct += slots[i + 1];
    total.weight += slots[i + 2];
    total.count += slots[i + 3];
  }
  return total;
}

bool is_better(Task::Selection selection, const CurvePoint& later, const CurvePoint& best) {
  if (best.step == 0) return true;
  const bool by_accuracy = selection == Task::Selection::accuracy;
  const double now = by_accuracy ? later.validation_accuracy : -later.validation_loss;
  const double before = by_accuracy ? best.validation_accuracy : -best.validation_loss;
  if (std::isnan(now) || std::isnan(before)) return std::isnan(before);
  return now >= before;
}

}  // namespace westofn::training
