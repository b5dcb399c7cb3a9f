// SPDX-License-Identifier: Apache-2.0
#include "chain/given_model.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "comm/agree.h"
#include "comm/typed.h"
#include "util/error.h"
#include "util/hash.h"
#include "util/text.h"

namespace westofn::chain {
namespace {

namespace fs = std::filesystem;

bool holds_model(const std::string& name) {
  return name == "config.json" || name == "spiece.model" || name == "model.safetensors.index.json" ||
         name.ends_with(".safetensors");
}

std::vector<std::string> list_model_files(const std::string& folder) {
  const std::string shown = printable(folder);
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw DataError(shown +
                    ": no such folder; a model is a T5 folder in Hugging Face format (relative paths are "
                    "relative to the current folder)");
  }
  std::vector<std::string> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (holds_model(entry->path().filename().string())) files.push_back(entry->path().string());
  }
  if (error) throw IoError(shown + ": cannot list the folder: " + error.message());
  std::sort(files.begin(), files.end());
  for (const char* name : {"config.json", "spiece.model"}) {
    if (!fs::exists(fs::path(folder) / name, error)) throw DataError(shown + ": has no " + name);
  }
  if (std::none_of(files.begin(), files.end(), [](const auto& file) { return file.ends_with(".safetensors"); })) {
    throw DataError(shown + ": has no .safetensors file; convert its weights to safetensors first");
  }
  return files;
}

}  // namespace

app::StageInput find_given_model(app::JobContext& job, const std::string& folder) {
  // One rank looks: another machine may see the folder a moment later.
  const std::string listed = comm::agree(
      job.world, [&] { return job.world.rank() == 0 ? join_text(list_model_files(folder), "\n") : std::string(); });
  const std::vector<std::string> files = split_text(comm::broadcast_string(job.world, listed, 0), '\n');
  std::string text;
  for (const auto& file : app::hash_inputs(job, files)) text += file.name + "=" + file.key + "\n";
  return {"model", folder, to_hex(hash128(text))};
}

}  // namespace westofn::chain
