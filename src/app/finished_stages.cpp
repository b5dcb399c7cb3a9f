// SPDX-License-Identifier: Apache-2.0
#include "app/finished_stages.h"

#include <filesystem>

#include "io/durable_file.h"
#include "io/file.h"
#include "util/error.h"

namespace westofn::app {

std::string FinishedStage::input_key(const std::string& name) const {
  for (const auto& input : manifest.inputs) {
    if (input.name == name) return input.key;
  }
  return {};
}

std::vector<FinishedStage> finished_stages(const RunFolder& run, const std::string& name,
                                           const std::function<bool(const io::Manifest&)>& is_wanted) {
  std::vector<FinishedStage> found;
  for (const auto& folder : run.stages()) {
    if (!folder.starts_with(name + "-") || folder.size() != name.size() + 9) continue;
    if (!io::has_manifest(run.stage(folder))) continue;
    try {
      FinishedStage stage{run.stage(folder), io::read_manifest(run.stage(folder))};
      if (is_wanted(stage.manifest)) found.push_back(std::move(stage));
    } catch (const DataError&) {
      continue;
    }
  }
  return found;
}

void take_over_file(StageRun& stage, const FinishedStage& from, const io::FileInfo& file) {
  const std::string source = from.folder + "/" + file.name;
  const std::string target = stage.folder() + "/" + file.name;
  bool is_there = false;
  try {
    is_there = io::link_file(source, target);
    if (is_there) io::sync_folder(stage.folder());
  } catch (const IoError&) {
    is_there = false;  // a file system without second names
  }
  if (!is_there) {
    const io::MappedFile content(source);
    io::write_durable(target, content.text());
  }
  stage.note_file(file);
}

}  // namespace westofn::app
