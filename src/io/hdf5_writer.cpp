// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "io/durable_file.h"
#include "io/hdf5.h"
#include "io/hdf5_build.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::io {
namespace {

using detail::check;
using detail::Handle;
using detail::timeless;

constexpr std::size_t memory_step = std::size_t{1} << 20;  // by which the file grows in memory
constexpr std::uint64_t chunk_bytes = std::uint64_t{512} << 10;
constexpr unsigned gzip_level = 4;

/// The bytes of a file in memory. HDF5 asks it for memory while the file grows and gives all back when it closes the
/// file, which leaves them here. (H5Fget_file_image of HDF5 1.10 returns a superblock with a wrong checksum.)
struct Image {
  void* bytes = nullptr;
  Image() = default;
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;
  ~Image() { std::free(bytes); }

  static void* allocate(size_t size, H5FD_file_image_op_t, void*) { return std::malloc(size); }
  static void* copy(void* to, const void* from, size_t size, H5FD_file_image_op_t, void*) {
    return std::memcpy(to, from, size);
  }
  static void* grow(void* bytes, size_t size, H5FD_file_image_op_t, void*) { return std::realloc(bytes, size); }
  static herr_t keep(void* bytes, H5FD_file_image_op_t, void* image) {
    std::free(std::exchange(static_cast<Image*>(image)->bytes, bytes));
    return 0;
  }
  static void* same(void* image) { return image; }
  static herr_t nothing(void*) { return 0; }
};

Handle create_file(Image& image) {
  const Handle creation = timeless(H5P_FILE_CREATE);
  const Handle access(check(H5Pcreate(H5P_FILE_ACCESS), "properties"), H5Pclose);
  check(H5Pset_fapl_core(access.id(), memory_step, false), "memory driver");
  H5FD_file_image_callbacks_t callbacks = {Image::allocate, Image::copy,    Image::grow, Image::keep,
                                           Image::same,     Image::nothing, &image};
  check(H5Pset_file_image_callbacks(access.id(), &callbacks), "memory");
  detail::set_format(access.id());
  return {check(H5Fcreate(detail::memory_file_name().c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), "file"),
          H5Fclose};
}

/// Whole rows of together about chunk_bytes, at least one; a longer row is cut.
std::vector<hsize_t> chunk_shape(const std::vector<std::uint64_t>& shape, std::uint64_t bytes_each) {
  std::vector<hsize_t> chunk(shape.begin(), shape.end());
  std::uint64_t budget = chunk_bytes / bytes_each;
  for (std::size_t i = chunk.size(); i-- > 0;) {
    chunk[i] = std::clamp<hsize_t>(budget, 1, chunk[i]);
    budget /= chunk[i];
  }
  return chunk;
}

Handle dataset_properties(const std::vector<std::uint64_t>& shape, std::uint64_t bytes_each) {
  Handle properties = timeless(H5P_DATASET_CREATE);
  if (std::ranges::count(shape, 0) > 0) return properties;
  const auto chunk = chunk_shape(shape, bytes_each);
  check(H5Pset_chunk(properties.id(), static_cast<int>(chunk.size()), chunk.data()), "chunks");
  check(H5Pset_shuffle(properties.id()), "shuffle filter");
  check(H5Pset_deflate(properties.id(), gzip_level), "gzip filter");
  check(H5Pset_fletcher32(properties.id()), "checksum filter");
  return properties;
}

}  // namespace

struct Hdf5Writer::File {
  std::unique_lock<std::recursive_mutex> library = detail::lock_library();
  Image image;
  Handle handle;  // closes before the image goes
};

Hdf5Writer::Hdf5Writer() : file_(std::make_unique<File>()) {
  detail::start_hdf5();
  file_->handle = create_file(file_->image);
}

Hdf5Writer::~Hdf5Writer() = default;

void Hdf5Writer::attribute(const std::string& object, const std::string& name, const Attribute& value) {
  const Handle handle(check(H5Oopen(file_->handle.id(), object.c_str(), H5P_DEFAULT), object), H5Oclose);
  detail::write_attribute(handle.id(), name, value);
}

void Hdf5Writer::write(const Field& field, const void* values) {
  WESTOFN_CHECK(field.path.starts_with('/'), "dataset paths start with '/': " + field.path);
  detail::make_groups(file_->handle.id(), field.path);
  const Handle space(
      check(H5Screate_simple(static_cast<int>(field.shape.size()),
                             std::vector<hsize_t>(field.shape.begin(), field.shape.end()).data(), nullptr),
            field.path),
      H5Sclose);
  const Handle properties = dataset_properties(field.shape, detail::element_bytes(field.type));
  const Handle dataset(check(H5Dcreate2(file_->handle.id(), field.path.c_str(), detail::file_type(field.type),
                                        space.id(), H5P_DEFAULT, properties.id(), H5P_DEFAULT),
                             field.path),
                       H5Dclose);
  if (std::ranges::count(field.shape, 0) == 0) {
    check(H5Dwrite(dataset.id(), detail::memory_type(field.type), H5S_ALL, H5S_ALL, H5P_DEFAULT, values), field.path);
  }
  detail::write_note(dataset.id(), field.note);
}

std::uint64_t Hdf5Writer::rows(std::uint64_t values, std::uint64_t columns) {
  WESTOFN_CHECK(columns > 0 && values % columns == 0, "values do not fill the rows");
  return values / columns;
}

void Hdf5Writer::text(const std::string& path, std::span<const std::string> values, const FieldNote& note) {
  std::string bytes;
  std::vector<std::int64_t> offsets = {0};
  offsets.reserve(values.size() + 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (find_invalid_utf8(values[i])) {
      throw DataError(path + ", row " + std::to_string(i) + ": is not UTF-8: " + printable(values[i]));
    }
    bytes += values[i];
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  dataset(path + "/bytes", std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
          {note.description + " (all rows, UTF-8)", note.units});
  dataset(path + "/offsets", offsets, {"row i is bytes[offsets[i]:offsets[i + 1]]", "bytes"});
}

FileInfo Hdf5Writer::publish(const std::string& path) {
  const hid_t file = file_->handle.id();
  check(H5Fflush(file, H5F_SCOPE_GLOBAL), "flush");
  const auto size = static_cast<std::size_t>(check(H5Fget_file_image(file, nullptr, 0), "size"));
  check(file_->handle.close(), "close");
  WESTOFN_CHECK(file_->image.bytes != nullptr, "HDF5 kept its memory");
  const std::string_view image(static_cast<const char*>(file_->image.bytes), size);

  DurableFile out(path);
  out.append(image);
  out.append(detail::make_trailer(image));
  return out.commit();
}

}  // namespace westofn::io
