// SPDX-License-Identifier: Apache-2.0
#include "world/write_toy_world.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "config/field_writer.h"
#include "io/durable_file.h"
#include "io/jsonl_writer.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::world {
namespace {

using Json = nlohmann::ordered_json;

Json to_row(const Demonstration& row) { return {{"id", row.id}, {"prompt", row.prompt}, {"response", row.response}}; }

Json to_row(const HumanPair& row) {
  return {{"id", row.id},
          {"prompt", row.prompt},
          {"chosen", row.chosen},
          {"rejected", row.rejected},
          {"confidence", row.confidence}};
}

Json to_row(const Prompt& row) { return {{"id", row.id}, {"prompt", row.text}}; }

/// Where to and how much.
struct Target {
  const ToyWorldSettings& settings;
  const std::string& folder;
};

/// Writes one part; `make_item(index)` gives its records. A part without items has no file.
template <class F>
void write_part(const Target& target, ToyPart part, F make_item) {
  const std::int64_t count = part_size(target.settings, part);
  if (count == 0) return;
  io::JsonlWriter writer(target.folder + "/" + std::string(part_file(part)));
  for (std::int64_t i = 0; i < count; ++i) writer.write(to_row(make_item(i)));
  writer.commit();
}

}  // namespace

void make_new_folder(const std::string& folder) {
  std::error_code error;
  if (std::filesystem::exists(folder, error) && !std::filesystem::is_empty(folder, error)) {
    throw ConfigError(printable(folder) + " exists already and is not empty; choose another folder or remove it");
  }
  io::make_folder_durable(folder);
}

std::vector<std::string> toy_world_files(const ToyWorldSettings& settings) {
  std::vector<std::string> files = {"world.yaml"};
  const auto add = [&](ToyPart part) {
    if (part_size(settings, part) > 0) files.emplace_back(part_file(part));
  };
  add(ToyPart::demonstrations);
  for (const ToyPart part : toy_pair_parts) add(part);
  for (const ToyPart part : toy_prompt_parts) add(part);
  return files;
}

void write_toy_world(const ToyWorldSettings& settings, const std::string& folder) {
  io::make_folder_durable(folder);
  const Target target{settings, folder};
  write_part(target, ToyPart::demonstrations, [&](std::int64_t i) { return make_demonstration(settings, i); });
  for (const ToyPart part : toy_pair_parts) {
    write_part(target, part, [&](std::int64_t i) { return make_pair(settings, part, i); });
  }
  for (const ToyPart part : toy_prompt_parts) {
    write_part(target, part, [&](std::int64_t i) { return make_prompt(settings, part, i); });
  }
  io::write_durable(folder + "/world.yaml", config::to_yaml(settings));
}

}  // namespace westofn::world
