// SPDX-License-Identifier: Apache-2.0
// What names a stage, and whether it has to be made.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "app/stage.h"
#include "app/stage_files.h"
#include "comm/agree.h"
#include "util/error.h"
#include "util/hash.h"
#include "util/text.h"

namespace westofn::app {
namespace {

namespace fs = std::filesystem;

/// The lines of the new settings that the old ones do not have.
std::vector<std::string> new_lines(const std::string& before, const std::string& now) {
  const auto old_lines = split_text(before, '\n');
  const std::set<std::string> known(old_lines.begin(), old_lines.end());
  std::vector<std::string> lines;
  for (const auto& line : split_text(now, '\n')) {
    if (!known.contains(line)) lines.push_back(line);
  }
  return lines;
}

/// What differs from the most similar complete folder of the same stage.
std::string reason_for_new_folder(const RunFolder& run, const StageSpec& spec) {
  std::string reason = "no such folder yet";
  std::error_code ignored;
  if (!fs::is_directory(run.path(), ignored)) return reason;
  std::size_t fewest = std::string::npos;
  for (const auto& name : run.stages()) {
    if (!name.starts_with(spec.name + "-") || name.size() != spec.name.size() + 9) continue;
    io::Manifest other;
    try {
      other = io::read_manifest(run.stage(name));
    } catch (const DataError&) {
      continue;  // not finished, or damaged: no concern of this stage
    }
    const auto lines = new_lines(other.settings, spec.settings);
    if (lines.size() >= fewest) continue;
    fewest = lines.size();
    reason = "there is " + name + ", but ";
    if (!lines.empty()) {
      reason += "the settings differ from it at \"" + printable(trimmed(lines[0]), 60) + "\"";
    } else {
      reason += other.inputs == spec.inputs ? "it is of another version" : "it had other input files or earlier stages";
    }
  }
  return reason;
}

}  // namespace

std::string StageSpec::key() const {
  std::string inputs_text;
  for (const auto& input : inputs) inputs_text += input.name + "=" + input.key + "\n";
  return to_hex(hash_fields({name, std::to_string(format_version), settings, inputs_text}));
}

std::string StageSpec::folder_name() const { return name + "-" + key().substr(0, 8); }

StagePlan plan_stage(const RunFolder& run, const StageSpec& spec) {
  StagePlan plan{spec.folder_name(), StageState::absent, ""};
  const std::string folder = run.stage(plan.folder_name);
  std::error_code error;
  if (!fs::exists(folder, error)) {
    plan.why = reason_for_new_folder(run, spec);
    return plan;
  }
  if (io::has_manifest(folder)) {
    const io::Manifest manifest = io::read_manifest(folder);
    if (manifest.key != spec.key()) {
      throw DataError(folder + ": its manifest has another key than its name says; delete the folder to make it again");
    }
    check_sizes(folder, manifest);
    plan.state = StageState::complete;
    plan.why = std::to_string(manifest.files.size()) + " files";
  } else {
    plan.state = StageState::partial;
    plan.why = "an earlier job did not finish it";
  }
  return plan;
}

std::string to_text(const StagePlan& plan) {
  switch (plan.state) {
    case StageState::complete: return plan.folder_name + "  is there (" + plan.why + ")";
    case StageState::partial: return plan.folder_name + "  will be continued: " + plan.why;
    case StageState::absent: return plan.folder_name + "  will be computed: " + plan.why;
  }
  return plan.folder_name;
}

std::vector<std::string> short_names(std::span<const std::string> paths) {
  std::map<std::string, int> seen;
  std::vector<std::string> names;
  for (const auto& path : paths) {
    std::string name = fs::path(path).filename().string();
    const int count = ++seen[name];
    if (count > 1) name += "#" + std::to_string(count);
    names.push_back(std::move(name));
  }
  return names;
}

std::vector<io::ManifestInput> hash_inputs(JobContext& job, std::span<const std::string> paths) {
  const auto names = short_names(paths);
  const auto size = static_cast<std::size_t>(job.world.size());
  std::vector<std::uint64_t> halves(2 * paths.size());
  comm::agree(job.world, [&] {
    for (std::size_t i = static_cast<std::size_t>(job.world.rank()); i < paths.size(); i += size) {
      const Hash128 hash = io::describe_file(paths[i], names[i], [&] { job.world.beat(); }).hash;
      halves[2 * i] = hash.high;
      halves[2 * i + 1] = hash.low;
    }
  });
  job.world.all_reduce(halves, comm::ReduceOp::max);
  std::vector<io::ManifestInput> inputs;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    inputs.push_back({names[i], to_hex({halves[2 * i], halves[2 * i + 1]})});
  }
  return inputs;
}

}  // namespace westofn::app
