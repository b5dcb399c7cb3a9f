// SPDX-License-Identifier: Apache-2.0
// What a settings struct is made of. A settings struct S has, in its own namespace,
//
//   template <class V>
//   void visit_fields(V& v, S& s) {
//     v.required("path", s.path, "file of pairs");
//     v.optional("steps", s.steps, "optimizer steps");
//     v.check("steps", s.steps > 0, "a positive number");
//   }
//
// Field types: bool, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, double, std::string, enums with
// EnumNames, std::optional<T> (null: not given), std::vector<T>, OneOrMore<T> of scalars, Named<T>, and settings
// structs.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace westofn::config {

/// Things with names, in file order: a YAML map whose keys the user chooses.
template <class T>
using Named = std::vector<std::pair<std::string, T>>;

/// One value or a list of them: a YAML scalar or a list. A list of one is written as a scalar.
template <class T>
struct OneOrMore {
  std::vector<T> values;
};

/// One value of an enum and how it is written.
template <class E>
struct EnumName {
  E value;
  std::string_view name;
};

/// Specialise for each enum that is a field:
///   template <> struct westofn::config::EnumNames<Order> {
///     static constexpr std::array table = {EnumName<Order>{Order::both, "both"}, ...};
///   };
template <class E>
struct EnumNames;

/// The name of an enum value; the table holds every value.
template <class E>
[[nodiscard]] constexpr std::string_view enum_name(E value) {
  for (const auto& entry : EnumNames<E>::table) {
    if (entry.value == value) return entry.name;
  }
  return "?";
}

/// All names of an enum, in the order of the table.
template <class E>
[[nodiscard]] std::vector<std::string> enum_names() {
  std::vector<std::string> names;
  names.reserve(std::size(EnumNames<E>::table));
  for (const auto& entry : EnumNames<E>::table) names.emplace_back(entry.name);
  return names;
}

/// A settings struct as seen by the visitor V.
template <class T, class V>
concept SettingsFor = requires(V& visitor, T& settings) {
  visit_fields(visitor, settings);
};

namespace detail {

template <class T>
struct Shape {
  static constexpr bool list = false, named = false, optional = false, one_or_more = false;
};
template <class T>
struct Shape<std::vector<T>> {
  static constexpr bool list = true, named = false, optional = false, one_or_more = false;
  using Element = T;
};
template <class T>
struct Shape<Named<T>> {
  static constexpr bool list = false, named = true, optional = false, one_or_more = false;
  using Element = T;
};
template <class T>
struct Shape<std::optional<T>> {
  static constexpr bool list = false, named = false, optional = true, one_or_more = false;
  using Element = T;
};
template <class T>
struct Shape<OneOrMore<T>> {
  static constexpr bool list = false, named = false, optional = false, one_or_more = true;
  using Element = T;
};

}  // namespace detail
}  // namespace westofn::config
