// SPDX-License-Identifier: Apache-2.0
// Settings struct to a commented YAML template: every key with its type, its default and one line on what it is for.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/field_writer.h"
#include "config/node.h"
#include "config/types.h"
#include "util/text.h"

namespace westofn::config {

/// One key of a settings struct.
struct FieldDescription {
  enum class Presence { required, optional };
  /// How the fields below belong to this one: part of it, or of each element that a user may add.
  enum class Nesting { none, section, optional_section, list_element, named_element };

  std::string key{};
  std::string type{};
  std::string help{};
  Presence presence = Presence::optional;
  Nesting nesting = Nesting::none;
  Node default_value{};
  std::vector<FieldDescription> fields{};
};

/// "text", "integer", "list of number", ... for messages and references.
template <class T>
[[nodiscard]] std::string type_name();

/// Collects what a struct says about its fields.
class FieldDescriber {
 public:
  template <class T>
  void required(std::string_view key, T& value, std::string_view help) {
    add(key, value, help, FieldDescription::Presence::required);
  }
  template <class T>
  void optional(std::string_view key, T& value, std::string_view help) {
    add(key, value, help, FieldDescription::Presence::optional);
  }
  void check(std::string_view /*key*/, bool /*holds*/, std::string_view /*expected*/) {}

  [[nodiscard]] std::vector<FieldDescription> take() { return std::move(fields_); }

 private:
  template <class T>
  void add(std::string_view key, T& value, std::string_view help, FieldDescription::Presence presence);

  std::vector<FieldDescription> fields_;
};

/// The fields of a settings struct with the values that `settings` has.
template <class S>
[[nodiscard]] std::vector<FieldDescription> describe_struct(S& settings) {
  FieldDescriber describer;
  visit_fields(describer, settings);
  return describer.take();
}

template <class T>
void FieldDescriber::add(std::string_view key, T& value, std::string_view help, FieldDescription::Presence presence) {
  using Nesting = FieldDescription::Nesting;
  using Shape = detail::Shape<T>;
  FieldDescription field{.key = std::string(key),
                         .type = type_name<T>(),
                         .help = std::string(help),
                         .presence = presence,
                         .default_value = to_node(value)};
  if constexpr (SettingsFor<T, FieldDescriber>) {
    field.nesting = Nesting::section;
    field.fields = describe_struct(value);
  } else if constexpr (Shape::optional || Shape::list || Shape::named) {
    if constexpr (SettingsFor<typename Shape::Element, FieldDescriber>) {
      typename Shape::Element element{};
      field.nesting = Shape::optional ? Nesting::optional_section
                      : Shape::list   ? Nesting::list_element
                                      : Nesting::named_element;
      field.fields = describe_struct(element);
    }
  }
  fields_.push_back(std::move(field));
}

template <class T>
std::string type_name() {
  using Shape = detail::Shape<T>;
  if constexpr (SettingsFor<T, FieldDescriber>) {
    return "section";
  } else if constexpr (Shape::optional) {
    return type_name<typename Shape::Element>() + " or null";
  } else if constexpr (Shape::named) {
    return "map of names to " + type_name<typename Shape::Element>();
  } else if constexpr (Shape::one_or_more) {
    return type_name<typename Shape::Element>() + " or list of " + type_name<typename Shape::Element>();
  } else if constexpr (Shape::list) {
    return "list of " + type_name<typename Shape::Element>();
  } else if constexpr (std::is_enum_v<T>) {
    return "one of " + join_text(enum_names<T>(), ", ");
  } else if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (std::is_integral_v<T>) {
    return "integer";
  } else if constexpr (std::is_floating_point_v<T>) {
    return "number";
  } else {
    return "text";
  }
}

/// The template as text; keys that must be filled in are empty. See describe_fields.
[[nodiscard]] std::string format_template(const std::vector<FieldDescription>& fields);

/// A commented YAML template of all keys of S; it is a valid document once the required keys are filled in. The fields
/// of list elements and of sections that are absent by default stand in comments.
template <class S>
[[nodiscard]] std::string describe_fields() {
  S settings{};
  return format_template(describe_struct(settings));
}

}  // namespace westofn::config
