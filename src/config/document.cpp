// SPDX-License-Identifier: Apache-2.0
#include "config/document.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "config/parse_yaml.h"
#include "config/scalar.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::config {
namespace {

/// One step of "data.pairs[0].path".
struct Step {
  enum class Kind { name, index } kind;
  std::string text;
};

bool is_index(std::string_view text) {
  return !text.empty() && text.size() <= 6 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// "pairs[0][1]" without the brackets: a name, then indices.
void add_steps(std::string_view part, const std::string& place, std::vector<Step>& steps) {
  const std::size_t bracket = std::min(part.find('['), part.size());
  if (bracket > 0) steps.push_back({Step::Kind::name, std::string(part.substr(0, bracket))});
  std::string_view rest = part.substr(bracket);
  while (!rest.empty()) {
    const std::size_t end = rest.find(']');
    const std::string_view index = end == std::string_view::npos ? "" : rest.substr(1, end - 1);
    if (rest.front() != '[' || !is_index(index)) throw ConfigError(place + ": expected an index such as [0]");
    steps.push_back({Step::Kind::index, std::string(index)});
    rest.remove_prefix(end + 1);
  }
  if (part.empty()) throw ConfigError(place + ": an empty name in the key; write it like data.pairs[0].path=VALUE");
}

std::vector<Step> parse_steps(std::string_view path, const std::string& place) {
  std::vector<Step> steps;
  for (const std::string& part : split_text(path, '.')) add_steps(part, place, steps);
  if (steps.size() > max_depth) throw ConfigError(place + ": the key has more than 64 parts");
  return steps;
}

Node& list_item(Node& list, const Step& step, const std::string& place) {
  std::size_t index = 0;
  if (is_index(step.text)) {
    std::from_chars(step.text.data(), step.text.data() + step.text.size(), index);
  } else {
    throw ConfigError(place + ": '" + printable(step.text) + "' should be the index of a list item");
  }
  if (index > list.children.size()) {
    throw ConfigError(place + ": the list has " + std::to_string(list.children.size()) + " items, so " + step.text +
                      " is no index (" + std::to_string(list.children.size()) + " would add one)");
  }
  if (index == list.children.size()) list.children.push_back({.place = place});
  return list.children[index];
}

Node& map_entry(Node& map, const Step& step, const std::string& place) {
  const auto found =
      std::find_if(map.children.begin(), map.children.end(), [&](const Node& child) { return child.key == step.text; });
  if (found != map.children.end()) return *found;
  map.children.push_back({.place = place, .key = step.text, .key_place = place});
  return map.children.back();
}

/// The value that a step leads to; made if it is not there yet.
Node& descend(Node& node, const Step& step, const std::string& place) {
  if (node.kind == Node::Kind::null) {
    node.kind = step.kind == Step::Kind::index ? Node::Kind::list : Node::Kind::map;
  }
  if (node.kind == Node::Kind::list) return list_item(node, step, place);
  if (node.kind == Node::Kind::map && step.kind == Step::Kind::name) return map_entry(node, step, place);
  throw ConfigError(place + ": '" + printable(step.text) + "' would be inside of " + describe_found(node) + " (" +
                    node.place + ")");
}

std::string read_text(const std::string& path) {
  const auto refuse = [&](const std::string& reason) {
    throw ConfigError("cannot read the experiment file " + printable(path) + ": " + reason);
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) refuse("it is a folder");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) refuse(std::strerror(errno));
  std::string text(max_document_bytes + 1, '\0');  // one more than allowed, so that parse_yaml sees the excess
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) refuse(std::strerror(errno));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

}  // namespace

Document::Document(std::string_view text, std::string name, const std::vector<std::string>& overrides)
    : name_(std::move(name)), root_(parse_yaml(text, name_)) {
  if (root_.kind == Node::Kind::null) throw ConfigError(name_ + ": the file holds no settings");
  if (root_.kind != Node::Kind::map) {
    throw ConfigError(root_.place + ": expected 'key: value' lines at the top, got " + describe_found(root_));
  }
  for (const std::string& override_text : overrides) set(override_text);
}

void Document::set(std::string_view assignment) {
  const std::string place = "--set " + printable(assignment, 80);
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) throw ConfigError(place + ": expected KEY=VALUE, such as data.seed=2");
  if (find_invalid_utf8(assignment)) throw ConfigError(place + ": not valid UTF-8");
  Node value = parse_yaml_value(assignment.substr(equals + 1), place);
  Node changed = root_;
  Node* target = &changed;
  for (const Step& step : parse_steps(assignment.substr(0, equals), place)) target = &descend(*target, step, place);
  value.key = target->key;
  value.key_place = place;
  *target = std::move(value);
  root_ = std::move(changed);
}

Document load_document(const std::string& path, const std::vector<std::string>& overrides) {
  return Document(read_text(path), printable(path), overrides);
}

}  // namespace westofn::config
