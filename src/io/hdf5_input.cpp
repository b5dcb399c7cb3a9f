// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5_input.h"

#include <algorithm>
#include <numeric>

#include "util/error.h"
#include "util/text.h"

namespace westofn::io::detail {
namespace {

constexpr std::uint64_t dataset_cap = std::uint64_t{16} << 30;
constexpr std::uint64_t chunk_cap = std::uint64_t{64} << 20;
constexpr std::uint64_t attribute_cap = std::uint64_t{64} << 20;
constexpr std::uint64_t inflation_cap = 1100;  // gzip cannot inflate more than 1032 times

// HDF5 takes our read-only memory as the file's image without copying it.
void* image_memory(size_t, H5FD_file_image_op_t, void* image) { return image; }
void* image_copy(void* target, const void*, size_t, H5FD_file_image_op_t, void*) { return target; }
void* image_grow(void*, size_t, H5FD_file_image_op_t, void*) { return nullptr; }
herr_t image_free(void*, H5FD_file_image_op_t, void*) { return 0; }
void* same_data(void* image) { return image; }
herr_t keep_data(void*) { return 0; }

ElementType to_element_type(hid_t type) {
  for (const auto candidate : {ElementType::int8, ElementType::uint8, ElementType::int32, ElementType::int64,
                               ElementType::uint64, ElementType::float32, ElementType::float64}) {
    if (H5Tequal(type, file_type(candidate)) > 0) return candidate;
  }
  return ElementType::other;
}

/// a * b, or the largest number if that is too large.
std::uint64_t saturated_product(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

template <class Range>
std::uint64_t product(const Range& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{1}, saturated_product);
}

}  // namespace

Hdf5Input::Hdf5Input(const std::string& path, const std::optional<FileInfo>& expected) : map_(path) {
  check_content(expected);
  start_hdf5();
  open();
}

void Hdf5Input::refuse(const std::string& problem) const {
  throw DataError(printable(map_.path(), 1000) + ": " + problem);
}

void Hdf5Input::check_content(const std::optional<FileInfo>& expected) const {
  const std::string_view content = map_.text();
  if (expected) {
    if (content.size() != expected->bytes || hash128(content) != expected->hash) {
      refuse(
          "its content is not what the manifest of its folder says: the file was changed or damaged. Delete the "
          "folder: the stage will be made again");
    }
    return;
  }
  if (!content.starts_with("\x89HDF\r\n\x1a\n")) refuse("is not an HDF5 file");
  if (content.size() < trailer_bytes) return;
  const auto image = content.substr(0, content.size() - trailer_bytes);
  const auto trailer = content.substr(image.size());
  const std::string correct = make_trailer(image);
  if (trailer.substr(0, 8) == correct.substr(0, 8) && trailer != correct) {
    refuse(
        "its content does not have the checksum at its end: the file was changed or damaged. Delete its folder: the "
        "stage will be made again");
  }
}

void Hdf5Input::open() {
  const Handle access(check(H5Pcreate(H5P_FILE_ACCESS), "properties"), H5Pclose);
  check(H5Pset_fapl_core(access.id(), 1, false), "memory driver");
  void* image = const_cast<std::byte*>(map_.bytes().data());
  H5FD_file_image_callbacks_t callbacks = {image_memory, image_copy, image_grow, image_free,
                                           same_data,    keep_data,  image};
  check(H5Pset_file_image_callbacks(access.id(), &callbacks), "image");
  check(H5Pset_file_image(access.id(), image, map_.bytes().size()), "image");
  handle_ = {check(H5Fopen(memory_file_name().c_str(), H5F_ACC_RDONLY, access.id()), "the file"), H5Fclose};
}

std::uint64_t element_count(const std::vector<std::uint64_t>& shape) { return product(shape); }

Handle Hdf5Input::open_object(const std::string& path) const {
  for (auto end = path.find('/', 1); path != "/"; end = path.find('/', end + 1)) {
    H5L_info_t link{};
    const std::string part = path.substr(0, end);
    if (H5Lexists(handle_.id(), part.c_str(), H5P_DEFAULT) <= 0) {
      H5Eclear2(H5E_DEFAULT);
      refuse("has no " + printable(path));
    }
    check(H5Lget_info(handle_.id(), part.c_str(), &link, H5P_DEFAULT), part);
    if (link.type != H5L_TYPE_HARD) refuse(printable(part) + " is a link, which is not followed");
    if (end == std::string::npos) break;
  }
  return {check(H5Oopen(handle_.id(), path.c_str(), H5P_DEFAULT), path), H5Oclose};
}

std::string Hdf5Input::note(hid_t dataset, const char* name) const {
  if (H5Aexists(dataset, name) <= 0) return {};
  const Attribute value = read_attribute(dataset, name);
  return std::holds_alternative<std::string>(value) ? std::get<std::string>(value) : std::string();
}

DatasetInfo Hdf5Input::describe(const std::string& path) const {
  const Handle dataset = open_object(path);
  if (H5Iget_type(dataset.id()) != H5I_DATASET) refuse(printable(path) + " is not a dataset");
  const Handle type(check(H5Dget_type(dataset.id()), path), H5Tclose);
  const Handle space(check(H5Dget_space(dataset.id()), path), H5Sclose);
  DatasetInfo info;
  info.path = path;
  info.type = to_element_type(type.id());
  std::vector<hsize_t> shape(static_cast<std::size_t>(check(H5Sget_simple_extent_ndims(space.id()), path)));
  check(H5Sget_simple_extent_dims(space.id(), shape.data(), nullptr), path);
  info.shape.assign(shape.begin(), shape.end());
  info.stored_bytes = H5Dget_storage_size(dataset.id());
  info.note = {note(dataset.id(), "description"), note(dataset.id(), "units")};
  return info;
}

void Hdf5Input::check_layout(hid_t dataset, const DatasetInfo& info) const {
  const std::uint64_t bytes = saturated_product(product(info.shape), element_bytes(info.type));
  if (bytes == 0) return;
  const std::uint64_t stored = std::min<std::uint64_t>(info.stored_bytes, map_.bytes().size());
  if (bytes > dataset_cap || bytes > saturated_product(stored, inflation_cap)) {
    refuse(printable(info.path) + " claims " + human_bytes(bytes) + ", of which " + human_bytes(stored) +
           " are stored: this cannot be true");
  }
  const Handle properties(check(H5Dget_create_plist(dataset), info.path), H5Pclose);
  const H5D_layout_t layout = H5Pget_layout(properties.id());
  const bool is_chunked = layout == H5D_CHUNKED;
  if ((!is_chunked && layout != H5D_CONTIGUOUS && layout != H5D_COMPACT) ||
      H5Pget_external_count(properties.id()) != 0) {
    refuse(printable(info.path) + " keeps its data elsewhere, where it is not read");
  }
  if (is_chunked) {
    check_chunks(dataset, properties.id(), info);
  } else if (info.stored_bytes != bytes) {
    refuse(printable(info.path) + " is not complete");
  }
}

void Hdf5Input::check_chunks(hid_t dataset, hid_t properties, const DatasetInfo& info) const {
  for (int i = 0; i < check(H5Pget_nfilters(properties), info.path); ++i) {
    unsigned flags = 0;
    unsigned config = 0;
    size_t parameters = 0;
    const auto filter =
        H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &parameters, nullptr, 0, nullptr, &config);
    if (filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_FLETCHER32) {
      refuse(printable(info.path) + " uses a filter that is not read; only shuffle, gzip and fletcher32 are");
    }
  }
  std::vector<hsize_t> chunk(info.shape.size());
  check(H5Pget_chunk(properties, static_cast<int>(chunk.size()), chunk.data()), info.path);
  if (saturated_product(product(chunk), element_bytes(info.type)) > chunk_cap) {
    refuse(printable(info.path) + " has chunks above " + human_bytes(chunk_cap));
  }
  std::uint64_t needed = 1;
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    needed = saturated_product(needed, info.shape[i] / chunk[i] + (info.shape[i] % chunk[i] != 0 ? 1 : 0));
  }
  const Handle space(check(H5Dget_space(dataset), info.path), H5Sclose);
  hsize_t present = 0;
  check(H5Dget_num_chunks(dataset, space.id(), &present), info.path);
  if (present != needed) {
    refuse(printable(info.path) + " has " + std::to_string(present) + " of its " + std::to_string(needed) + " chunks");
  }
}

std::string Hdf5Input::read_string(hid_t attribute, hid_t type, const std::string& name) const {
  if (H5Tis_variable_str(type) != 0) refuse("attribute " + printable(name) + " is a string of variable length");
  const Handle space(check(H5Aget_space(attribute), name), H5Sclose);
  if (H5Sget_simple_extent_npoints(space.id()) != 1) refuse("attribute " + printable(name) + " is not one string");
  std::string value(H5Tget_size(type), '\0');
  check(H5Aread(attribute, type, value.data()), name);
  value.resize(std::min(value.find('\0'), value.size()));
  if (find_invalid_utf8(value)) refuse("attribute " + printable(name) + " is not UTF-8");
  return value;
}

Attribute Hdf5Input::read_attribute(hid_t object, const std::string& name) const {
  if (H5Aexists(object, name.c_str()) <= 0) refuse("has no attribute '" + printable(name) + "'");
  const Handle attribute(check(H5Aopen(object, name.c_str(), H5P_DEFAULT), name), H5Aclose);
  const Handle type(check(H5Aget_type(attribute.id()), name), H5Tclose);
  if (H5Aget_storage_size(attribute.id()) > attribute_cap) refuse("attribute " + printable(name) + " is too large");
  const Handle space(check(H5Aget_space(attribute.id()), name), H5Sclose);
  const auto count = check(H5Sget_simple_extent_npoints(space.id()), name);
  const bool is_scalar = H5Sget_simple_extent_type(space.id()) == H5S_SCALAR;

  if (H5Tget_class(type.id()) == H5T_STRING) return read_string(attribute.id(), type.id(), name);
  if (is_scalar && H5Tequal(type.id(), H5T_STD_I64LE) > 0) {
    std::int64_t value = 0;
    check(H5Aread(attribute.id(), H5T_NATIVE_INT64, &value), name);
    return value;
  }
  if (is_scalar && H5Tequal(type.id(), H5T_IEEE_F64LE) > 0) {
    double value = 0;
    check(H5Aread(attribute.id(), H5T_NATIVE_DOUBLE, &value), name);
    return value;
  }
  if (H5Tequal(type.id(), H5T_STD_I64LE) > 0) {
    std::vector<std::int64_t> values(static_cast<std::size_t>(count));
    if (count > 0) check(H5Aread(attribute.id(), H5T_NATIVE_INT64, values.data()), name);
    return values;
  }
  refuse("attribute '" + printable(name) + "' is not a string, an int64, a float64 or a list of int64");
}

}  // namespace westofn::io::detail
