// SPDX-License-Identifier: Apache-2.0
#include "config/field_reader.h"

#include <algorithm>

#include "util/text.h"

namespace westofn::config {

bool is_kind(const Node& node, Node::Kind kind, const std::string& path, Problems& problems) {
  if (node.kind == kind) return true;
  const std::string expected = kind == Node::Kind::map ? "'key: value' lines" : "a list";
  problems.add(node.place, path, "expected " + expected + ", got " + describe_found(node));
  return false;
}

const Node* FieldReader::find(std::string_view key) {
  known_.emplace_back(key);
  return map_.find(key);
}

std::string FieldReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void FieldReader::report_missing(std::string_view key, std::string_view help) {
  problems_.add(map_.place, path_, "missing required key '" + std::string(key) + "' (" + std::string(help) + ")");
}

void FieldReader::check(std::string_view key, bool holds, std::string_view expected) {
  if (holds || problems_.count() != problems_before_) return;
  const Node* node = key.empty() ? &map_ : map_.find(key);
  const std::string path = key.empty() ? path_ : path_of(key);
  std::string text = "expected " + std::string(expected);
  if (node != nullptr && node->kind == Node::Kind::scalar) text += ", got " + describe_found(*node);
  if (node == nullptr) text += "; the default does not fit here, so the key must be set";
  problems_.add(node != nullptr ? node->place : map_.place, path, text);
}

void FieldReader::report_unknown_keys() const {
  for (const Node& child : map_.children) {
    if (std::find(known_.begin(), known_.end(), child.key) != known_.end()) continue;
    std::string text;
    if (problems_.wants_text()) {
      const auto nearest = nearest_name(child.key.substr(0, 100), known_);
      text = "unknown key; " + (nearest ? "did you mean '" + *nearest + "'? " : "") +
             "Known keys: " + join_text(known_, ", ");
    }
    problems_.add(child.key_place, path_of(child.key), text);
  }
}

}  // namespace westofn::config
