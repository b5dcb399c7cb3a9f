// SPDX-License-Identifier: Apache-2.0
// Document to settings struct: the visitor that reads, and config::read.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/node.h"
#include "config/problems.h"
#include "config/scalar.h"
#include "config/types.h"

namespace westofn::config {

template <class T>
void read_value(const Node& node, const std::string& path, T& value, Problems& problems);

/// Reads the fields of one map; a key that no field asked for is an error.
class FieldReader {
 public:
  /// `path` is the dotted key of the map, empty for the root.
  FieldReader(const Node& map, std::string path, Problems& problems)
      : map_(map), path_(std::move(path)), problems_(problems), problems_before_(problems.count()) {}

  /// A field that must be there.
  template <class T>
  void required(std::string_view key, T& value, std::string_view help) {
    if (const Node* node = find(key)) {
      read_value(*node, path_of(key), value, problems_);
    } else {
      report_missing(key, help);
    }
  }

  /// A field that keeps its default when it is not there.
  template <class T>
  void optional(std::string_view key, T& value, std::string_view /*help*/) {
    if (const Node* node = find(key)) read_value(*node, path_of(key), value, problems_);
  }

  /// A condition between fields: an error at `key` (the map itself if empty) unless it holds. Judged only while the
  /// struct is free of other errors.
  void check(std::string_view key, bool holds, std::string_view expected);

  /// Reports keys that no field asked for. Called once, after visit_fields.
  void report_unknown_keys() const;

 private:
  [[nodiscard]] const Node* find(std::string_view key);
  [[nodiscard]] std::string path_of(std::string_view key) const;
  void report_missing(std::string_view key, std::string_view help);

  const Node& map_;
  std::string path_;
  Problems& problems_;
  std::size_t problems_before_;
  std::vector<std::string> known_;
};

/// Reports a value that is not a list or map as expected; true if it is.
[[nodiscard]] bool is_kind(const Node& node, Node::Kind kind, const std::string& path, Problems& problems);

/// Reads a map into a settings struct.
template <class S>
void read_struct(const Node& node, const std::string& path, S& settings, Problems& problems) {
  if (!is_kind(node, Node::Kind::map, path, problems)) return;
  FieldReader reader(node, path, problems);
  visit_fields(reader, settings);
  reader.report_unknown_keys();
}

/// Reads any field type; on an error the value is unspecified and a problem is added.
template <class T>
void read_value(const Node& node, const std::string& path, T& value, Problems& problems) {
  using Shape = detail::Shape<T>;
  if constexpr (SettingsFor<T, FieldReader>) {
    read_struct(node, path, value, problems);
  } else if constexpr (Shape::optional) {
    value.reset();
    if (node.kind != Node::Kind::null) read_value(node, path, value.emplace(), problems);
  } else if constexpr (Shape::named) {
    value.clear();
    if (!is_kind(node, Node::Kind::map, path, problems)) return;
    for (const Node& child : node.children) {
      typename Shape::Element element{};
      read_value(child, path + "." + child.key, element, problems);
      value.emplace_back(child.key, std::move(element));
    }
  } else if constexpr (Shape::one_or_more) {
    if (node.kind == Node::Kind::list) {
      read_value(node, path, value.values, problems);
    } else {
      value.values.resize(1);
      read_value(node, path, value.values.front(), problems);
    }
  } else if constexpr (Shape::list) {
    value.clear();
    if (!is_kind(node, Node::Kind::list, path, problems)) return;
    for (const Node& child : node.children) {
      typename Shape::Element element{};
      read_value(child, path + "[" + std::to_string(value.size()) + "]", element, problems);
      value.push_back(std::move(element));
    }
  } else if constexpr (std::is_enum_v<T>) {
    const auto index = read_choice(node, path, enum_names<T>(), problems);
    if (index) value = EnumNames<T>::table[*index].value;
  } else {
    read_scalar(node, path, value, problems);
  }
}

/// The settings of a document. Throws ConfigError with everything that is wrong, one line each.
template <class S>
[[nodiscard]] S read(const Document& document) {
  S settings{};
  Problems problems;
  read_struct(document.root(), "", settings, problems);
  problems.throw_if_any();
  return settings;
}

}  // namespace westofn::config
