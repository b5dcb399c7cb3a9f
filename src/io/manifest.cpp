// SPDX-License-Identifier: Apache-2.0
#include "io/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "io/durable_file.h"
#include "io/json_text.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::io {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t format_version = 1;
constexpr std::uint64_t size_cap = std::uint64_t{256} << 20;

/// A relative name that stays inside its folder: parts without "", "." and "..", no control bytes.
bool is_plain_name(const std::string& name) {
  const auto parts = split_text(name, '/');
  const auto is_plain = [](const std::string& part) { return !part.empty() && part != "." && part != ".."; };
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '\\'; };
  return std::ranges::all_of(parts, is_plain) && std::ranges::none_of(name, is_control);
}

Json to_object(const Manifest& manifest) {
  Json files = Json::array();
  for (const auto& file : manifest.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"xxh3_128", to_hex(file.hash)}});
  }
  Json inputs = Json::array();
  for (const auto& input : manifest.inputs) inputs.push_back({{"name", input.name}, {"key", input.key}});
  return {{"format", "westofn/manifest"}, {"version", format_version}, {"stage", manifest.stage},
          {"key", manifest.key},          {"build", manifest.build},   {"files", std::move(files)},
          {"inputs", std::move(inputs)},  {"counts", manifest.counts}, {"settings", manifest.settings}};
}

std::string checksum(const Manifest& manifest) { return to_hex(hash128(to_object(manifest).dump())); }

/// Refuses members that this version does not know.
void check_keys(const JsonValue& object, std::vector<std::string> known) {
  std::ranges::sort(known);
  for (const auto& key : object.keys()) {
    if (!std::ranges::binary_search(known, key)) object.fail("has the unknown member '" + printable(key) + "'");
  }
}

Hash128 parse_hash(const JsonValue& value) {
  const std::string& hex = value.text();
  const std::string_view digits = "0123456789abcdef";
  if (hex.size() != 32 || hex.find_first_not_of(digits) != std::string::npos) {
    value.fail("expected 32 hexadecimal digits");
  }
  Hash128 hash;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    std::uint64_t& half = i < 16 ? hash.high : hash.low;
    half = half << 4U | digits.find(hex[i]);
  }
  return hash;
}

FileInfo parse_file(const JsonValue& object) {
  check_keys(object, {"name", "bytes", "xxh3_128"});
  FileInfo info{object.field("name").text(), object.field("bytes").count(), parse_hash(object.field("xxh3_128"))};
  if (!is_plain_name(info.name)) object.field("name").fail("is not a plain name inside of the folder");
  return info;
}

void check_version(const JsonValue& object) {
  if (object.field("format").text() != "westofn/manifest") object.field("format").fail("is not that of a manifest");
  if (object.field("version").integer() != format_version) {
    object.field("version").fail("this program reads version " + std::to_string(format_version) +
                                 "; use the program that wrote the file");
  }
}

Manifest parse_fields(const JsonValue& object) {
  check_version(object);
  check_keys(object,
             {"format", "version", "stage", "key", "build", "files", "inputs", "counts", "settings", "checksum"});
  Manifest manifest;
  manifest.stage = object.field("stage").text();
  manifest.key = object.field("key").text();
  manifest.build = object.field("build").text();
  for (const auto& file : object.field("files").items()) manifest.files.push_back(parse_file(file));
  for (const auto& input : object.field("inputs").items()) {
    check_keys(input, {"name", "key"});
    manifest.inputs.push_back({input.field("name").text(), input.field("key").text()});
  }
  const JsonValue counts = object.field("counts");
  for (const auto& name : counts.keys()) manifest.counts[name] = counts.field(name).integer();
  manifest.settings = object.field("settings").text();
  if (object.field("checksum").text() != checksum(manifest)) {
    object.field("checksum").fail("does not belong to this content: the file was changed or damaged");
  }
  return manifest;
}

[[noreturn]] void refuse_file(const std::string& folder, const FileInfo& file, const std::string& problem) {
  throw DataError(printable(folder + "/" + file.name, 1000) + ": " + problem + ". Delete the folder " +
                  printable(folder, 1000) + ": the stage will be made again");
}

}  // namespace

std::string to_json(const Manifest& manifest) {
  Json object = to_object(manifest);
  object["checksum"] = checksum(manifest);
  return object.dump(1) + "\n";
}

Manifest parse_manifest(std::string_view json, const std::string& file) {
  const TextPlace place{file, 0};
  try {
    const nlohmann::json value = parse_json(json, place);
    return parse_fields(JsonValue(value, place));
  } catch (const DataError& error) {
    throw DataError(std::string(error.what()) +
                    ". If in doubt delete the folder of this file: its stage will be made again");
  }
}

FileInfo write_manifest(const std::string& folder, Manifest manifest) {
  std::ranges::sort(manifest.files, {}, &FileInfo::name);
  std::set<std::string> names;
  for (const auto& file : manifest.files) {
    WESTOFN_CHECK(is_plain_name(file.name) && file.name != manifest_name, "not a name for a manifest: " + file.name);
    WESTOFN_CHECK(names.insert(file.name).second, "listed twice in a manifest: " + file.name);
  }
  return write_durable(folder + "/" + std::string(manifest_name), to_json(manifest));
}

bool has_manifest(const std::string& folder) {
  return file_status(folder + "/" + std::string(manifest_name)).has_value();
}

Manifest read_manifest(const std::string& folder) {
  const std::string path = folder + "/" + std::string(manifest_name);
  if (!has_manifest(folder)) {
    throw DataError(printable(folder, 1000) + ": has no " + std::string(manifest_name) +
                    ", so the stage is not complete; run it first");
  }
  return parse_manifest(read_file(path, size_cap), path);
}

void verify_files(const std::string& folder, const Manifest& manifest) {
  for (const auto& file : manifest.files) {
    const std::string path = folder + "/" + file.name;
    const auto status = file_status(path);
    if (!status || !status->is_regular) refuse_file(folder, file, "is listed in the manifest but is not there");
    if (status->bytes != file.bytes) {
      refuse_file(folder, file,
                  "has " + std::to_string(status->bytes) + " bytes, the manifest says " + std::to_string(file.bytes));
    }
    if (describe_file(path, file.name) != file) {
      refuse_file(folder, file, "its content is not what the manifest says: it was changed or damaged");
    }
  }
}

const FileInfo& find_file(const Manifest& manifest, std::string_view name) {
  const auto found = std::ranges::find(manifest.files, name, &FileInfo::name);
  if (found == manifest.files.end()) {
    throw DataError("the manifest of stage " + printable(manifest.stage) + " (key " + printable(manifest.key) +
                    ") does not list " + printable(name) + "; delete the folder: the stage will be made again");
  }
  return *found;
}

}  // namespace westofn::io
