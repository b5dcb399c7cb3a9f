// SPDX-License-Identifier: Apache-2.0
#include "generation/writing_rows.h"

#include <algorithm>

namespace westofn::generation {
namespace {

inference::DecoderCapacity capacity_for(const WritingPlan& plan, bool keeps_ended) {
  inference::DecoderCapacity capacity;
  const std::size_t rows = std::min(plan.rows, plan.n * plan.prompts.size());
  capacity.rows = static_cast<std::int64_t>(rows);
  // Where places cost time and memory, one more than fill all rows: a prompt whose last samples are being written need
  // not keep the next one waiting.
  const std::size_t places = keeps_ended ? (rows + plan.n - 1) / plan.n + 1 : rows;
  capacity.places = static_cast<std::int64_t>(std::min(plan.prompts.size(), places));
  capacity.rows_of_place = static_cast<std::int64_t>(std::min(rows, plan.n));
  capacity.positions = plan.positions;
  for (const auto& tokens : plan.prompts) {
    capacity.source_tokens = std::max(capacity.source_tokens, static_cast<std::int64_t>(tokens.size()));
  }
  return capacity;
}

}  // namespace

WritingRows::WritingRows(const inference::Engine& engine, const WritingPlan& plan)
    : plan_(plan),
      keeps_ended_(engine.backend().ended_rows() == inference::EndedRows::keep_their_place),
      capacity_(capacity_for(plan, keeps_ended_)),
      decoder_(engine, capacity_),
      places_(static_cast<std::size_t>(capacity_.places)) {}

std::vector<std::int64_t> WritingRows::free_slots() const {
  std::vector<bool> used(static_cast<std::size_t>(capacity_.rows), false);
  for (const WritingRow& row : rows_) {
    if (row.decoder.live) used[static_cast<std::size_t>(row.decoder.slot)] = true;
  }
  std::vector<std::int64_t> free;
  for (std::size_t slot = 0; slot < used.size(); ++slot) {
    if (!used[slot]) free.push_back(static_cast<std::int64_t>(slot));
  }
  return free;
}

/// Gives the prompt of the next sample a place. Returns false if there is none.
bool WritingRows::open_place() {
  const auto place = std::find_if(places_.begin(), places_.end(), [](const Place& p) { return p.unfinished == 0; });
  if (place == places_.end()) return false;
  *place = {next_ / plan_.n, plan_.n};
  current_place_ = static_cast<std::size_t>(place - places_.begin());
  opened_.push_back(static_cast<std::int64_t>(current_place_));
  return true;
}

void WritingRows::put(const WritingRow& row) {
  if (keeps_ended_ && static_cast<std::size_t>(row.decoder.slot) < rows_.size()) {
    rows_[static_cast<std::size_t>(row.decoder.slot)] = row;
  } else {
    rows_.push_back(row);
  }
}

bool WritingRows::admit() {
  if (!keeps_ended_) std::erase_if(rows_, [](const WritingRow& row) { return !row.decoder.live; });
  for (const std::int64_t slot : free_slots()) {
    if (next_ == plan_.n * plan_.prompts.size()) break;
    if (next_ % plan_.n == 0 && !open_place()) break;
    put({next_ / plan_.n, next_ % plan_.n, {0, slot, static_cast<std::int64_t>(current_place_), 0, true}});
    ++next_;
  }
  if (!opened_.empty()) {
    std::vector<tokenizer::Tokens> prompts;
    for (const std::int64_t place : opened_) {
      prompts.push_back(plan_.prompts[places_[static_cast<std::size_t>(place)].prompt]);
    }
    decoder_.put_sources(prompts, opened_);
    opened_.clear();
  }
  if (keeps_ended_) {
    shrink();
  } else {
    std::stable_sort(rows_.begin(), rows_.end(),
                     [](const WritingRow& a, const WritingRow& b) { return a.decoder.place < b.decoder.place; });
  }
  return std::any_of(rows_.begin(), rows_.end(), [](const WritingRow& row) { return row.decoder.live; });
}

/// When nothing is left to begin and half of the rows have ended, the others go on in half of the slots.
void WritingRows::shrink() {
  const auto live = static_cast<std::size_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const WritingRow& row) { return row.decoder.live; }));
  if (next_ < plan_.n * plan_.prompts.size() || live == 0 || 2 * live > rows_.size()) return;
  const std::size_t half = (rows_.size() + 1) / 2;
  std::stable_partition(rows_.begin(), rows_.end(), [](const WritingRow& row) { return row.decoder.live; });
  rows_.resize(half);
  std::vector<std::int64_t> slots;
  for (WritingRow& row : rows_) {
    slots.push_back(row.decoder.slot);
    row.decoder.slot = static_cast<std::int64_t>(slots.size()) - 1;
  }
  decoder_.keep_slots(slots);
  capacity_.rows = static_cast<std::int64_t>(half);
}

at::Tensor WritingRows::step() {
  std::vector<inference::DecoderRow> rows;
  for (const WritingRow& row : rows_) rows.push_back(row.decoder);
  return decoder_.step(rows);
}

void WritingRows::end(WritingRow& row) {
  row.decoder.live = false;
  --places_[static_cast<std::size_t>(row.decoder.place)].unfinished;
}

}  // namespace westofn::generation
