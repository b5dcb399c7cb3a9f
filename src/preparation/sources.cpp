// SPDX-License-Identifier: Apache-2.0
#include "preparation/sources.h"

#include "app/stage.h"
#include "util/error.h"

namespace westofn::preparation {
namespace {

std::uint8_t given_split(const Source& source, const std::optional<Split>& of_row, const io::JsonValue& row) {
  const auto code = [](Split split) { return static_cast<std::uint8_t>(static_cast<int>(split) + 1); };
  switch (source.split) {
    case SplitChoice::by_group: return of_row ? code(*of_row) : 0;
    case SplitChoice::given:
      if (!of_row) row.fail("the row gives no split, but the experiment says `split: given` for this file");
      return code(*of_row);
    case SplitChoice::train: return code(Split::train);
    case SplitChoice::validation: return code(Split::validation);
    case SplitChoice::test: return code(Split::test);
    case SplitChoice::judge: return code(Split::judge);
  }
  return 0;
}

std::uint8_t given_half(const Source& source, const std::optional<bool>& of_row) {
  if (source.half == HalfChoice::labelled) return 1;
  if (source.half == HalfChoice::other) return 2;
  return of_row ? (*of_row ? 1 : 2) : 0;
}

void take_pair(const Source& source, const io::JsonValue& json, Row& row) {
  auto imported = io::import_pair(source.format, json);
  if (const auto* reason = std::get_if<io::DropReason>(&imported)) {
    row.key.outcome = to_outcome(*reason);
    return;
  }
  auto& pair = std::get<io::ImportedPair>(imported);
  row.key.content = hash_fields({pair.prompt, pair.chosen, pair.rejected});
  row.key.prompt = hash64(pair.prompt);
  row.key.demonstration = hash_fields({pair.prompt, pair.chosen}).low;
  row.key.group = hash64(pair.group);
  row.key.given = given_split(source, pair.split, json);
  row.key.given_half = given_half(source, pair.labelled_half);
  HumanPair record;
  record.id = pair.id.value_or(to_hex(row.key.content));
  record.group = std::move(pair.group);
  record.prompt = std::move(pair.prompt);
  record.chosen = std::move(pair.chosen);
  record.rejected = std::move(pair.rejected);
  if (pair.confidence) record.confidence = *pair.confidence;
  row.key.id = hash64(record.id);
  row.record = std::move(record);
}

void take_prompt(const Source& source, const io::JsonValue& json, Row& row) {
  io::ImportedPrompt imported = io::import_prompt(json);
  if (imported.prompt.empty()) {
    row.key.outcome = Outcome::empty_prompt;
    return;
  }
  row.key.content = hash128(imported.prompt);
  row.key.prompt = hash64(imported.prompt);
  row.key.group = hash64(imported.group);
  Prompt record;
  record.id = imported.id.value_or(to_hex(row.key.content));
  record.group = std::move(imported.group);
  record.text = std::move(imported.prompt);
  record.set = source.set;
  row.key.id = hash64(record.id);
  row.record = std::move(record);
}

void take_demonstration(const io::JsonValue& json, Row& row) {
  auto imported = io::import_demonstration(json);
  if (const auto* reason = std::get_if<io::DropReason>(&imported)) {
    row.key.outcome = to_outcome(*reason);
    return;
  }
  auto& demonstration = std::get<io::ImportedDemonstration>(imported);
  row.key.content = hash_fields({demonstration.prompt, demonstration.response});
  row.key.prompt = hash64(demonstration.prompt);
  row.key.group = hash64(demonstration.group);
  Demonstration record;
  record.id = demonstration.id.value_or(to_hex(row.key.content));
  record.group = std::move(demonstration.group);
  record.prompt = std::move(demonstration.prompt);
  record.response = std::move(demonstration.response);
  row.key.id = hash64(record.id);
  row.record = std::move(record);
}

}  // namespace

std::vector<Source> list_sources(const DataSettings& settings) {
  std::vector<Source> sources;
  for (const auto& s : settings.pairs) {
    sources.push_back({RowKind::pair, s.path, "", s.format, s.split, s.half, PromptSet::unlabelled});
  }
  for (const auto& s : settings.prompts) {
    Source source{.kind = RowKind::prompt, .path = s.path, .name = ""};
    source.set = s.set;
    sources.push_back(std::move(source));
  }
  for (const auto& s : settings.demonstrations) {
    sources.push_back({.kind = RowKind::demonstration, .path = s.path, .name = ""});
  }
  std::vector<std::string> paths;
  paths.reserve(sources.size());
  for (const auto& source : sources) paths.push_back(source.path);
  const auto names = app::short_names(paths);
  for (std::size_t i = 0; i < sources.size(); ++i) sources[i].name = names[i];
  return sources;
}

DataSettings read_world(const DataSettings& settings, const std::string& folder) {
  using world::ToyPart;
  const world::ToyWorldSettings& toy = settings.world.value().toy;
  DataSettings files = settings;
  files.world.reset();
  files.lend_prompts = false;  // the world has prompts of its own
  const auto path = [&](ToyPart part) { return folder + "/" + std::string(world::part_file(part)); };
  const auto add_pairs = [&](ToyPart part, SplitChoice split, HalfChoice half) {
    if (world::part_size(toy, part) > 0) files.pairs.push_back({path(part), io::PairFormat::trl, split, half});
  };
  add_pairs(ToyPart::labelled, SplitChoice::train, HalfChoice::labelled);
  add_pairs(ToyPart::other, SplitChoice::train, HalfChoice::other);
  add_pairs(ToyPart::validation, SplitChoice::validation, HalfChoice::by_group);
  add_pairs(ToyPart::test, SplitChoice::test, HalfChoice::by_group);
  add_pairs(ToyPart::judge, SplitChoice::judge, HalfChoice::by_group);
  const auto add_prompts = [&](ToyPart part, PromptSet set) {
    if (world::part_size(toy, part) > 0) files.prompts.push_back({path(part), set});
  };
  add_prompts(ToyPart::unlabelled_prompts, PromptSet::unlabelled);
  add_prompts(ToyPart::test_prompts, PromptSet::test);
  if (toy.demonstrations > 0) files.demonstrations.push_back({path(ToyPart::demonstrations)});
  return files;
}

Row read_row(const std::vector<Source>& sources, std::size_t source, const io::Line& line,
             io::OnBadRecord on_bad_record, io::SkippedRecords& skipped) {
  const Source& from = sources[source];
  Row row;
  row.key.source = static_cast<std::uint32_t>(source);
  row.key.line = line.number;
  row.key.kind = from.kind;
  if (from.kind == RowKind::prompt) row.key.given = static_cast<std::uint8_t>(static_cast<int>(from.set) + 1);
  const bool used = io::use_row(line, from.path, on_bad_record, skipped, [&](const io::JsonValue& json) {
    switch (from.kind) {
      case RowKind::pair: take_pair(from, json, row); break;
      case RowKind::prompt: take_prompt(from, json, row); break;
      case RowKind::demonstration: take_demonstration(json, row); break;
    }
  });
  if (!used) row.key.outcome = Outcome::bad_record;
  std::visit(
      [&](auto& record) {
        record.source = from.name;
        record.line = line.number;
      },
      row.record);
  return row;
}

}  // namespace westofn::preparation
