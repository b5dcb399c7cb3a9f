// SPDX-License-Identifier: Apache-2.0
#include "training/checkpoint.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>

#include "comm/agree.h"
#include "comm/typed.h"
#include "io/durable_file.h"
#include "io/manifest.h"
#include "io/safetensors_writer.h"
#include "model/tensor_bytes.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::training {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kept_checkpoints = 2;
constexpr std::array curve_columns = {&CurvePoint::learning_rate, &CurvePoint::loss, &CurvePoint::gradient_norm,
                                      &CurvePoint::validation_loss, &CurvePoint::validation_accuracy};

std::string folder_of_checkpoints(const std::string& stage_folder) { return stage_folder + "/checkpoints"; }

std::string numbered(const char* format, std::int64_t number) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, static_cast<long long>(number));
  return text.data();
}

void remove_folder(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) io::throw_system_error("remove", path, error.value());
}

/// What says that a checkpoint is finished goes first: what a kill leaves of the rest is not taken for a damaged one.
void remove_checkpoint(const std::string& folder) {
  io::remove_file(folder + "/" + std::string(io::manifest_name));
  remove_folder(folder);
}

void warn_of_lost(const std::string& what) { log_warning(what + "; an older checkpoint is looked for"); }

/// The names of all checkpoint folders, newest first.
std::vector<std::string> list_checkpoints(const std::string& folder) {
  std::vector<std::string> names;
  if (!io::file_status(folder)) return names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with("step-")) names.push_back(name);
  }
  if (error) io::throw_system_error("list", folder, error.value());
  std::ranges::sort(names, std::greater());
  return names;
}

/// All tensors of the weights that a rank owns, under their names in checkpoints.
std::vector<model::Parameter> tensors_of(const TrainingState& state) {
  std::vector<model::Parameter> tensors;
  for (const auto& weight : state.owned) {
    tensors.push_back({"master/" + weight.name, weight.master});
    tensors.push_back({"best/" + weight.name, weight.best});
    for (const auto& [member, tensor] : weight.optimizer) {
      tensors.push_back({"optimizer." + member + "/" + weight.name, tensor});
    }
  }
  return tensors;
}

/// The curve as rows of step and numbers: float64 keeps every bit, a NaN too.
std::vector<double> curve_rows(const std::vector<CurvePoint>& curve) {
  std::vector<double> rows;
  for (const auto& point : curve) {
    rows.push_back(static_cast<double>(point.step));
    for (const auto column : curve_columns) rows.push_back(point.*column);
  }
  return rows;
}

std::vector<CurvePoint> curve_of_rows(const io::TensorView& view) {
  constexpr std::size_t width = curve_columns.size() + 1;
  std::vector<double> rows(view.bytes.size() / sizeof(double));
  if (!rows.empty()) std::memcpy(rows.data(), view.bytes.data(), view.bytes.size());
  std::vector<CurvePoint> curve(rows.size() / width);
  for (std::size_t i = 0; i < curve.size(); ++i) {
    curve[i].step = static_cast<std::int64_t>(rows[i * width]);
    for (std::size_t k = 0; k < curve_columns.size(); ++k) curve[i].*curve_columns[k] = rows[i * width + k + 1];
  }
  return curve;
}

/// Writes this rank's tensors, and on rank 0 the curve.
io::FileInfo write_share(app::StageRun& stage, const std::string& path, const TrainingState& state) {
  const model::SavedTensors saved(tensors_of(state));
  std::vector<io::NamedTensor> tensors = saved.tensors();
  const std::vector<double> rows = curve_rows(state.curve);
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(state.curve.size()),
                                           static_cast<std::int64_t>(curve_columns.size()) + 1};
  if (stage.job().world.rank() == 0) {
    tensors.push_back({"curve", {io::DType::f64, shape, std::as_bytes(std::span(rows))}});
  }
  return io::write_safetensors(path, tensors, {}, [&] { stage.beat(); });
}

/// Rank 0: the entries of all ranks' files.
std::vector<io::FileInfo> gather_entries(comm::Communicator& world, const io::FileInfo& mine) {
  const std::array<std::uint64_t, 3> entry = {mine.bytes, mine.hash.high, mine.hash.low};
  std::vector<std::uint64_t> all(world.rank() == 0 ? 3 * static_cast<std::size_t>(world.size()) : 0);
  world.gather(entry, all, 0);
  std::vector<io::FileInfo> files;
  for (std::size_t i = 0; i < all.size() / 3; ++i) {
    const std::string name = numbered("state-%05lld.safetensors", static_cast<std::int64_t>(i));
    files.push_back({name, all[3 * i], {all[3 * i + 1], all[3 * i + 2]}});
  }
  return files;
}

/// Rank 0: the manifest of a checkpoint, if it is finished and readable; otherwise removes the folder.
std::optional<io::Manifest> open_checkpoint(const std::string& folder) {
  if (io::has_manifest(folder)) {
    try {
      return io::read_manifest(folder);
    } catch (const DataError& error) {
      warn_of_lost(error.what());
    }
  } else {
    warn_of_lost(printable(folder, 1000) + ": this checkpoint was never finished or has lost its manifest");
  }
  remove_checkpoint(folder);
  return std::nullopt;
}

/// Collective. Whether all files are as the manifest says; the ranks share the reading.
bool is_intact(app::StageRun& stage, const std::string& folder, const io::Manifest& manifest) {
  comm::Communicator& world = stage.job().world;
  const bool damaged = comm::agree(world, [&] {
    for (std::size_t i = 0; i < manifest.files.size(); ++i) {
      if (static_cast<int>(i % static_cast<std::size_t>(world.size())) != world.rank()) continue;
      const io::FileInfo& file = manifest.files[i];
      const std::string path = folder + "/" + file.name;
      if (io::file_status(path) && io::describe_file(path, file.name, [&] { stage.beat(); }) == file) continue;
      warn_of_lost(printable(path, 1000) + ": this file of a checkpoint is missing or damaged");
      return true;
    }
    return false;
  });
  return !comm::any(world, damaged);
}

/// A tensor by name, in whichever file.
std::pair<io::TensorView, model::TensorPlace> find_tensor(const std::vector<io::SafetensorsFile>& files,
                                                          const std::string& name) {
  for (const auto& file : files) {
    const auto found = file.tensors().find(name);
    if (found != file.tensors().end()) return {found->second, {file.path(), name}};
  }
  const std::string path = files.empty() ? "a checkpoint without files" : io::parent_folder(files[0].path());
  throw DataError(printable(path, 1000) + ": has no tensor " + printable(name) +
                  "; it is of another model. Delete the folder to train from the start");
}

/// To the bit, also what is not finite: an undisturbed training would go on with it.
void read_tensor(const io::TensorView& view, const model::TensorPlace& place, const at::Tensor& tensor) {
  if (view.dtype != io::DType::f32) model::fail(place, "is not of type F32");
  model::check_tensor(view, tensor.sizes().vec(), place);
  const at::Tensor bits = at::empty(tensor.sizes(), at::kFloat);
  if (!view.bytes.empty()) std::memcpy(bits.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
  tensor.copy_(bits);
}

void read_state(const std::string& folder, const io::Manifest& manifest, TrainingState& state) {
  std::vector<io::SafetensorsFile> files;
  for (const auto& file : manifest.files) files.emplace_back(folder + "/" + file.name);
  for (const auto& [name, tensor] : tensors_of(state)) {
    const auto [view, place] = find_tensor(files, name);
    read_tensor(view, place, tensor);
  }
  state.curve = curve_of_rows(find_tensor(files, "curve").first);
  const auto count = [&](const char* name) {
    const auto found = manifest.counts.find(name);
    if (found == manifest.counts.end()) {
      throw DataError(printable(folder, 1000) +
                      ": not a checkpoint of this version; delete it to train from the start");
    }
    return found->second;
  };
  state.step = count("step");
  state.updates = count("updates");
  state.skipped = count("skipped");
  state.best_step = count("best_step");
}

}  // namespace

void save_checkpoint(app::StageRun& stage, const TrainingState& state) {
  comm::Communicator& world = stage.job().world;
  const std::string parent = folder_of_checkpoints(stage.folder());
  const std::string name = numbered("step-%08lld", state.step);
  const std::string folder = parent + "/" + name;
  const io::FileInfo mine = comm::agree(world, [&] {
    fault_point("train.checkpoint");
    io::make_folder_durable(folder);
    return write_share(stage, folder + "/" + numbered("state-%05lld.safetensors", world.rank()), state);
  });
  const std::vector<io::FileInfo> files = gather_entries(world, mine);
  comm::agree(world, [&] {
    if (world.rank() != 0) return;
    io::Manifest manifest;
    manifest.stage = stage.name() + "/checkpoints/" + name;
    manifest.files = files;
    manifest.counts = {
        {"step", state.step}, {"updates", state.updates}, {"skipped", state.skipped}, {"best_step", state.best_step}};
    io::write_manifest(folder, std::move(manifest));
    const auto names = list_checkpoints(parent);
    for (std::size_t i = kept_checkpoints; i < names.size(); ++i) remove_checkpoint(parent + "/" + names[i]);
  });
  fault_point("train.checkpointed");
}

bool load_checkpoint(app::StageRun& stage, TrainingState& state) {
  comm::Communicator& world = stage.job().world;
  const std::string parent = folder_of_checkpoints(stage.folder());
  const auto on_root = [&](const std::function<std::string()>& f) {
    const std::string text = comm::agree(world, [&] { return world.rank() == 0 ? f() : std::string(); });
    return comm::broadcast_string(world, text, 0);
  };
  const std::string list = on_root([&] { return join_text(list_checkpoints(parent), "\n"); });
  if (list.empty()) return false;
  for (const auto& name : split_text(list, '\n')) {
    const std::string folder = parent + "/" + name;
    const std::string text = on_root([&] {
      const auto found = open_checkpoint(folder);
      return found ? io::to_json(*found) : std::string();
    });
    if (text.empty()) continue;
    const io::Manifest manifest = io::parse_manifest(text, folder + "/" + std::string(io::manifest_name));
    if (is_intact(stage, folder, manifest)) {
      comm::agree(world, [&] { read_state(folder, manifest, state); });
      log_info(stage.name() + ": goes on after step " + std::to_string(state.step));
      return true;
    }
    comm::agree(world, [&] {
      if (world.rank() == 0) remove_checkpoint(folder);
    });
  }
  if (world.rank() == 0) {
    log_warning(stage.name() + ": no intact checkpoint is left; training starts from the beginning");
  }
  return false;
}

void remove_checkpoints(app::JobContext& job, const std::string& stage_folder) {
  comm::agree(job.world, [&] {
    if (job.world.rank() == 0) remove_folder(folder_of_checkpoints(stage_folder));
  });
}

}  // namespace westofn::training
