// SPDX-License-Identifier: Apache-2.0
#include "scoring/scoring_config.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "io/durable_file.h"
#include "io/json_text.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::scoring {
namespace {

constexpr std::string_view file_name = "westofn.json";
constexpr std::int64_t format_version = 1;
constexpr std::uint64_t size_cap = 1 << 20;
constexpr std::array<std::string_view, 6> known_keys = {"version",          "kind", "template", "labels",
                                                        "max_input_tokens", "cut"};

template <class Enum>
Enum parse_name(const io::JsonValue& value) {
  for (const auto& entry : config::EnumNames<Enum>::table) {
    if (entry.name == value.text()) return entry.value;
  }
  value.fail("expected " + join_text(config::enum_names<Enum>(), ", ") + ", found '" + printable(value.text(), 60) +
             "'");
}

/// Throws DataError unless the template has the place holders of the kind.
void check_template(const io::JsonValue& value, ScoreKind kind) {
  if (kind == ScoreKind::likelihood) return;
  try {
    const bool is_pairwise = kind == ScoreKind::pairwise;
    (void)tokenizer::Template(value.text(), is_pairwise ? std::vector<std::string>{"prompt", "a", "b"}
                                                        : std::vector<std::string>{"prompt", "response"});
  } catch (const ConfigError& error) {
    value.fail(error.what());
  }
}

ScoringConfig parse(const io::JsonValue& root) {
  for (const auto& key : root.keys()) {
    if (std::ranges::find(known_keys, key) == known_keys.end()) root.fail("unknown key '" + printable(key, 60) + "'");
  }
  if (root.field("version").integer() != format_version) {
    root.field("version").fail("this program reads version " + std::to_string(format_version));
  }
  ScoringConfig config;
  config.kind = parse_name<ScoreKind>(root.field("kind"));
  config.template_text = root.field("template").text();
  check_template(root.field("template"), config.kind);
  const auto labels = root.field("labels").items();
  if (labels.size() != 2) root.field("labels").fail("expected two labels");
  config.first_label = labels[0].text();
  config.second_label = labels[1].text();
  for (const auto& label : labels) {
    if (label.text().empty()) label.fail("a label must not be empty");
  }
  if (config.first_label == config.second_label) root.field("labels").fail("the two labels must differ");
  if (const auto limit = root.find("max_input_tokens")) {
    config.max_input_tokens = limit->integer();
    if (*config.max_input_tokens < 1) limit->fail("expected a positive number, or null");
  }
  config.cut = parse_name<tokenizer::CutPrompt>(root.field("cut"));
  return config;
}

}  // namespace

io::FileInfo write_scoring_config(const std::string& folder, const ScoringConfig& config) {
  nlohmann::ordered_json json;
  json["version"] = format_version;
  json["kind"] = config::enum_name(config.kind);
  json["template"] = config.template_text;
  json["labels"] = {config.first_label, config.second_label};
  json["max_input_tokens"] = nullptr;
  if (config.max_input_tokens) json["max_input_tokens"] = *config.max_input_tokens;
  json["cut"] = config::enum_name(config.cut);
  return io::write_durable(folder + "/" + std::string(file_name), json.dump(2) + "\n");
}

std::optional<ScoringConfig> read_scoring_config(const std::string& folder) {
  const io::TextPlace place{folder + "/" + std::string(file_name), 0};
  if (!io::file_status(place.file)) return std::nullopt;
  const nlohmann::json json = io::parse_json(io::read_file(place.file, size_cap), place);
  return parse(io::JsonValue(json, place));
}

}  // namespace westofn::scoring
