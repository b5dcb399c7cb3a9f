// SPDX-License-Identifier: Apache-2.0
// HDF5 files of our own: built in memory and published whole, checked by hash before the library parses them.
//
// Layout: every dataset has the attributes `description` and `units`; text is a group with uint8 `bytes` (UTF-8) and
// int64 `offsets` (rows + 1 of them). The bytes of a file depend on its content only. The last 24 bytes of a file are
// a checksum of what stands before them; HDF5 does not look at them. The HDF5 library serves one thread at a time.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "io/file.h"

namespace westofn::io {

enum class ElementType { int8, uint8, int32, int64, uint64, float32, float64, other };

/// "int64" and so on, as NumPy names them.
[[nodiscard]] std::string to_string(ElementType type);

template <class T>
constexpr ElementType element_type() {
  if (std::same_as<T, std::int8_t>) return ElementType::int8;
  if (std::same_as<T, std::uint8_t>) return ElementType::uint8;
  if (std::same_as<T, std::int32_t>) return ElementType::int32;
  if (std::same_as<T, std::int64_t>) return ElementType::int64;
  if (std::same_as<T, std::uint64_t>) return ElementType::uint64;
  if (std::same_as<T, float>) return ElementType::float32;
  if (std::same_as<T, double>) return ElementType::float64;
  return ElementType::other;
}

/// A type that datasets can hold.
template <class T>
concept Element = element_type<T>()
!= ElementType::other;

/// The value of an attribute.
using Attribute = std::variant<std::string, std::int64_t, double, std::vector<std::int64_t>>;

/// What every dataset says about itself.
struct FieldNote {
  std::string description;
  std::string units;  ///< "1" for plain numbers
};

/// What `inspect` shows of a dataset.
struct DatasetInfo {
  std::string path;
  ElementType type = ElementType::other;
  std::vector<std::uint64_t> shape;
  std::uint64_t stored_bytes = 0;  ///< after compression
  FieldNote note;                  ///< empty if the file has none
};

/// Builds a file in memory. Local. Throws IoError if the HDF5 library fails.
class Hdf5Writer {
 public:
  Hdf5Writer();
  ~Hdf5Writer();
  Hdf5Writer(const Hdf5Writer&) = delete;
  Hdf5Writer& operator=(const Hdf5Writer&) = delete;

  /// Sets a new attribute of an object ("/" is the file itself).
  void attribute(const std::string& object, const std::string& name, const Attribute& value);

  /// Adds a one-dimensional dataset; groups in its path are made as needed.
  template <std::ranges::contiguous_range Values>
  requires Element<std::ranges::range_value_t<Values>>
  void dataset(const std::string& path, const Values& values, const FieldNote& note) {
    using T = std::ranges::range_value_t<Values>;
    write({path, element_type<T>(), {std::ranges::size(values)}, note}, std::ranges::data(values));
  }

  /// Adds a dataset of shape [values / columns, columns], rows one after the other.
  template <std::ranges::contiguous_range Values>
  requires Element<std::ranges::range_value_t<Values>>
  void dataset_2d(const std::string& path, const Values& values, std::uint64_t columns, const FieldNote& note) {
    using T = std::ranges::range_value_t<Values>;
    write({path, element_type<T>(), {rows(std::ranges::size(values), columns), columns}, note},
          std::ranges::data(values));
  }

  /// Adds a group with the rows of a text; throws DataError if one is not UTF-8.
  void text(const std::string& path, std::span<const std::string> values, const FieldNote& note);

  /// Publishes what was built. Called once, last. Throws IoError.
  FileInfo publish(const std::string& path);

 private:
  struct File;
  struct Field {
    std::string path;
    ElementType type;
    std::vector<std::uint64_t> shape;
    FieldNote note;
  };
  void write(const Field& field, const void* values);
  static std::uint64_t rows(std::uint64_t values, std::uint64_t columns);

  std::unique_ptr<File> file_;
};

/// Reads a file. Local. Every function throws DataError that names the file if something in it is missing, of another
/// type, damaged or too large to be true; IoError if the system refuses.
class Hdf5Reader {
 public:
  /// With `expected` (from a manifest) size and hash of the whole file are checked first, otherwise the checksum at the
  /// end of the file, if it has one. That finds all damage; it does not make a file safe that was made to do harm.
  explicit Hdf5Reader(const std::string& path, const std::optional<FileInfo>& expected = std::nullopt);
  ~Hdf5Reader();
  Hdf5Reader(const Hdf5Reader&) = delete;
  Hdf5Reader& operator=(const Hdf5Reader&) = delete;

  /// The values of a dataset of exactly this type; two-dimensional ones row by row.
  template <Element T>
  [[nodiscard]] std::vector<T> read(const std::string& path) const {
    const DatasetInfo dataset = readable(path, element_type<T>());
    std::vector<T> values(static_cast<std::size_t>(element_count(dataset)));
    read_into(dataset, values.data());
    return values;
  }

  /// The rows of a text.
  [[nodiscard]] std::vector<std::string> text(const std::string& path) const;

  [[nodiscard]] Attribute attribute(const std::string& object, const std::string& name) const;

  /// An attribute of exactly this type.
  template <class T>
  [[nodiscard]] T attribute_as(const std::string& object, const std::string& name) const {
    const Attribute value = attribute(object, name);
    if (!std::holds_alternative<T>(value)) refuse_attribute(object, name);
    return std::get<T>(value);
  }

  /// Names of the attributes of an object, sorted.
  [[nodiscard]] std::vector<std::string> attribute_names(const std::string& object) const;

  /// All datasets, sorted by path.
  [[nodiscard]] std::vector<DatasetInfo> list() const;

  [[nodiscard]] bool contains(const std::string& path) const;
  [[nodiscard]] const std::string& path() const;

  /// Throws DataError "FILE: problem".
  [[noreturn]] void refuse(const std::string& problem) const;

 private:
  struct File;
  static std::uint64_t element_count(const DatasetInfo& dataset);
  [[nodiscard]] DatasetInfo readable(const std::string& path, ElementType type) const;
  void read_into(const DatasetInfo& dataset, void* values) const;
  [[noreturn]] void refuse_attribute(const std::string& object, const std::string& name) const;

  std::unique_ptr<File> file_;
};

}  // namespace westofn::io
