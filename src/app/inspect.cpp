// SPDX-License-Identifier: Apache-2.0
#include "app/inspect.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "app/run_folder.h"
#include "app/status.h"
#include "io/hdf5.h"
#include "io/jsonl_reader.h"
#include "io/manifest.h"
#include "io/safetensors.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::app {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t small_file_cap = 16 << 20;

std::string padded(std::string text, std::size_t width) {
  text.append(text.size() < width ? width - text.size() : 1, ' ');
  return text;
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

std::string attribute_text(const io::Attribute& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return printable(*text, 100);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&value)) return std::to_string(*number);
  std::string list;
  for (const auto part : std::get<std::vector<std::int64_t>>(value))
    list += (list.empty() ? "" : ".") + std::to_string(part);
  return list;
}

std::string describe_tensors(const io::TensorMap& tensors) {
  std::string text;
  std::uint64_t bytes = 0;
  std::uint64_t elements = 0;
  for (const auto& [name, tensor] : tensors) {
    bytes += tensor.bytes.size();
    elements += tensor.bytes.size() / io::element_size(tensor.dtype);
    text += "  " + padded(printable(name), 64) + padded(std::string(io::to_string(tensor.dtype)), 6) +
            shape_text({tensor.shape.begin(), tensor.shape.end()}) + "\n";
  }
  return text + "  " + std::to_string(tensors.size()) + " tensors, " + std::to_string(elements) + " numbers, " +
         human_bytes(bytes) + "\n";
}

/// Of results.h5: how much there is of everything, and the table that the evaluation printed; else nothing.
std::string summary_of_results(const io::Hdf5Reader& reader) {
  if (!reader.contains("/table")) return "";
  std::map<std::string, std::uint64_t> rows;
  for (const auto& dataset : reader.list()) rows[dataset.path] = dataset.shape.empty() ? 0 : dataset.shape[0];
  std::string text = "\n";
  for (const auto& [what, dataset] : {std::pair("stages", "/stages/name/offsets"),
                                      {"human pairs", "/human/split"},
                                      {"pools", "/pools/set"},
                                      {"samples", "/samples/number"},
                                      {"matches", "/matches/a"},
                                      {"recipes", "/recipes/kept"},
                                      {"rows of mixtures", "/mixture/row"},
                                      {"test pairs", "/pairs/confidence"}}) {
    const auto known = rows.find(dataset);
    if (known == rows.end()) continue;
    const std::uint64_t count = known->second - (std::string_view(dataset).ends_with("offsets") ? 1 : 0);
    text += "  " + padded(what, 18) + std::to_string(count) + "\n";
  }
  for (const auto& table : reader.text("/table")) text += "\n" + table + "\n";
  return text;
}

std::string inspect_hdf5(const std::string& path) {
  const io::Hdf5Reader reader(path);
  std::string text = path + ": HDF5 file, readable to the end\n";
  for (const auto& name : reader.attribute_names("/")) {
    text += "  " + padded(name, 14) + attribute_text(reader.attribute("/", name)) + "\n";
  }
  text += summary_of_results(reader);
  for (const auto& dataset : reader.list()) {
    text += "  " + padded(dataset.path, 24) + padded(io::to_string(dataset.type), 9) +
            padded(shape_text(dataset.shape), 14) + padded(human_bytes(dataset.stored_bytes), 11) +
            dataset.note.description +
            (dataset.note.units.empty() || dataset.note.units == "1" ? "" : " [" + dataset.note.units + "]") + "\n";
  }
  return text;
}

std::string inspect_jsonl(const std::string& path) {
  io::JsonlReader reader(path);
  std::int64_t rows = 0;
  std::map<std::string, std::int64_t> keys;
  std::string first;
  while (const auto line = reader.next()) {
    const nlohmann::json row = io::parse_row(*line, path);
    if (rows++ == 0) first = printable(line->text, 300);
    for (const auto& entry : row.items()) ++keys[entry.key()];
  }
  std::string text = path + ": JSONL, " + std::to_string(rows) + " rows\n";
  for (const auto& [key, count] : keys) {
    text += "  " + padded(printable(key, 40), 24) + "in " + std::to_string(count) + " rows\n";
  }
  return rows == 0 ? text : text + "first row: " + first + "\n";
}

std::string inspect_safetensors(const std::string& path) {
  const io::SafetensorsFile file(path);
  return path + ": safetensors\n" + describe_tensors(file.tensors());
}

std::string inspect_manifest(const std::string& folder) {
  const io::Manifest manifest = io::read_manifest(folder);
  std::string text = folder + ": stage `" + manifest.stage + "`, complete, made by westofn " + manifest.build + "\n";
  text += "  key  " + manifest.key + "\n";
  for (const auto& input : manifest.inputs) text += "  from " + padded(input.name, 28) + input.key + "\n";
  for (const auto& [name, count] : manifest.counts) text += "  " + padded(name, 36) + std::to_string(count) + "\n";
  for (const auto& file : manifest.files) {
    text += "  " + padded(file.name, 28) + padded(human_bytes(file.bytes), 11) + to_hex(file.hash) + "\n";
  }
  text += "settings\n";
  for (const auto& line : split_text(trimmed(manifest.settings), '\n')) text += "  " + printable(line, 160) + "\n";
  io::verify_files(folder, manifest);
  return text + "all files have the size and hash of the manifest\n";
}

std::string inspect_folder(const std::string& path) {
  if (io::has_manifest(path)) return inspect_manifest(path);
  if (io::file_status(path + "/experiment.yaml")) return run_status(RunFolder(path));
  if (is_stage_name(fs::path(path).filename().string())) {
    return path + ": a stage that is not complete (no manifest.json); the same command again goes on with it\n";
  }
  if (io::file_status(path + "/config.json") || io::file_status(path + "/model.safetensors") ||
      io::file_status(path + "/model.safetensors.index.json")) {
    const io::SafetensorsModel model(path);
    return path + ": model folder\n" + describe_tensors(model.tensors());
  }
  throw DataError(path +
                  ": neither a run folder (experiment.yaml), a stage (manifest.json) nor a model (config.json); "
                  "of another folder give a single file");
}

}  // namespace

std::string inspect(const std::string& given) {
  std::string path = given;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const auto status = io::file_status(path);
  if (!status) throw DataError(path + ": no such file or folder");
  if (status->is_folder) return inspect_folder(path);
  const std::string name = fs::path(path).filename().string();
  if (name == io::manifest_name) return inspect_manifest(io::parent_folder(path));
  if (name.ends_with(".h5")) return inspect_hdf5(path);
  if (name.ends_with(".jsonl") || name.ends_with(".jsonl.gz")) return inspect_jsonl(path);
  if (name.ends_with(".safetensors")) return inspect_safetensors(path);
  if (name.ends_with(".json")) {
    return path + ": JSON\n" + io::parse_json(io::read_file(path, small_file_cap), {path, 0}).dump(2) + "\n";
  }
  if (name.ends_with(".lock")) {
    return path + ": lock of a job that is at work, or was killed\n" +
           printable(io::read_file(path, small_file_cap), 2000) + "\n";
  }
  if (name.ends_with(".yaml") || name.ends_with(".yml")) {
    throw DataError(path + ": an experiment is checked by `westofn validate " + path + "`");
  }
  throw DataError(path +
                  ": unknown kind of file; known: .h5, .jsonl, .jsonl.gz, .safetensors, .json, .lock, and folders");
}

}  // namespace westofn::app
