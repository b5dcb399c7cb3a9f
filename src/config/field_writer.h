// SPDX-License-Identifier: Apache-2.0
// Settings struct to YAML: the visitor that writes, and config::to_yaml.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "config/emit_yaml.h"
#include "config/node.h"
#include "config/scalar.h"
#include "config/types.h"

namespace westofn::config {

template <class T>
[[nodiscard]] Node to_node(T& value);

/// Collects the fields of one struct, defaults included, in the order of visit_fields.
class FieldWriter {
 public:
  template <class T>
  void required(std::string_view key, T& value, std::string_view /*help*/) {
    Node child = to_node(value);
    child.key = key;
    map_.children.push_back(std::move(child));
  }
  template <class T>
  void optional(std::string_view key, T& value, std::string_view help) {
    required(key, value, help);
  }
  void check(std::string_view /*key*/, bool /*holds*/, std::string_view /*expected*/) {}

  [[nodiscard]] Node take() { return std::move(map_); }

 private:
  Node map_{.kind = Node::Kind::map};
};

/// Any field type as a tree.
template <class T>
Node to_node(T& value) {
  using Shape = detail::Shape<T>;
  if constexpr (SettingsFor<T, FieldWriter>) {
    FieldWriter writer;
    visit_fields(writer, value);
    return writer.take();
  } else if constexpr (Shape::optional) {
    return value ? to_node(*value) : Node{};
  } else if constexpr (Shape::named) {
    Node map{.kind = Node::Kind::map};
    for (auto& [name, element] : value) {
      map.children.push_back(to_node(element));
      map.children.back().key = name;
    }
    return map;
  } else if constexpr (Shape::one_or_more) {
    return value.values.size() == 1 ? to_node(value.values.front()) : to_node(value.values);
  } else if constexpr (Shape::list) {
    Node list{.kind = Node::Kind::list};
    for (auto&& element : value) {
      typename Shape::Element copy = element;  // the elements of vector<bool> are no objects
      list.children.push_back(to_node(copy));
    }
    return list;
  } else if constexpr (std::is_enum_v<T>) {
    return make_scalar(std::string(enum_name(value)));
  } else {
    return make_scalar(value);
  }
}

/// All keys of the settings, defaults included: read(to_yaml(s)) gives s again, numbers to the last bit.
template <class S>
[[nodiscard]] std::string to_yaml(const S& settings) {
  S copy = settings;  // visit_fields takes what it could change
  return emit_yaml(to_node(copy));
}

}  // namespace westofn::config
