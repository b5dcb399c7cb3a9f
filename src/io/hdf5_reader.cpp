// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "io/hdf5.h"
#include "io/hdf5_handle.h"
#include "io/hdf5_input.h"
#include "util/text.h"

namespace westofn::io {
namespace {

using detail::Handle;

/// Collects the paths of datasets. C code calls it: nothing may be thrown.
herr_t collect_dataset(hid_t, const char* name, const H5O_info_t* info, void* names) noexcept {
  if (info->type != H5O_TYPE_DATASET) return 0;
  try {
    static_cast<std::vector<std::string>*>(names)->push_back("/" + std::string(name));
  } catch (...) {
    return -1;
  }
  return 0;
}

herr_t collect_name(hid_t, const char* name, const H5A_info_t*, void* names) noexcept {
  try {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  } catch (...) {
    return -1;
  }
  return 0;
}

}  // namespace

struct Hdf5Reader::File : detail::Hdf5Input {
  using Hdf5Input::Hdf5Input;
};

Hdf5Reader::Hdf5Reader(const std::string& path, const std::optional<FileInfo>& expected)
    : file_(std::make_unique<File>(path, expected)) {}

Hdf5Reader::~Hdf5Reader() = default;

const std::string& Hdf5Reader::path() const { return file_->path(); }

void Hdf5Reader::refuse(const std::string& problem) const { file_->refuse(problem); }

bool Hdf5Reader::contains(const std::string& path) const {
  for (auto end = path.find('/', 1);; end = path.find('/', end + 1)) {
    if (H5Lexists(file_->id(), path.substr(0, end).c_str(), H5P_DEFAULT) <= 0) break;
    if (end == std::string::npos) return true;
  }
  H5Eclear2(H5E_DEFAULT);
  return false;
}

std::uint64_t Hdf5Reader::element_count(const DatasetInfo& dataset) { return detail::element_count(dataset.shape); }

DatasetInfo Hdf5Reader::readable(const std::string& path, ElementType type) const {
  DatasetInfo info = file_->describe(path);
  if (info.type != type) refuse(printable(path) + " is of " + to_string(info.type) + ", expected " + to_string(type));
  file_->check_layout(file_->open_object(path).id(), info);
  return info;
}

void Hdf5Reader::read_into(const DatasetInfo& dataset, void* values) const {
  if (element_count(dataset) == 0) return;
  const Handle handle = file_->open_object(dataset.path);
  file_->check(H5Dread(handle.id(), detail::memory_type(dataset.type), H5S_ALL, H5S_ALL, H5P_DEFAULT, values),
               dataset.path);
}

std::vector<std::string> Hdf5Reader::text(const std::string& path) const {
  const auto bytes = read<std::uint8_t>(path + "/bytes");
  const auto offsets = read<std::int64_t>(path + "/offsets");
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != size || !std::ranges::is_sorted(offsets)) {
    refuse("the offsets of " + printable(path) + " do not cut its " + std::to_string(size) + " bytes into rows");
  }
  std::vector<std::string> rows;
  rows.reserve(offsets.size() - 1);
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    rows.emplace_back(bytes.begin() + offsets[i], bytes.begin() + offsets[i + 1]);
    if (find_invalid_utf8(rows.back())) {
      refuse(printable(path) + ", row " + std::to_string(i) + ": is not UTF-8: " + printable(rows.back()));
    }
  }
  return rows;
}

Attribute Hdf5Reader::attribute(const std::string& object, const std::string& name) const {
  return file_->read_attribute(file_->open_object(object).id(), name);
}

void Hdf5Reader::refuse_attribute(const std::string& object, const std::string& name) const {
  refuse("attribute '" + printable(name) + "' of " + printable(object) + " has another type than expected");
}

std::vector<std::string> Hdf5Reader::attribute_names(const std::string& object) const {
  std::vector<std::string> names;
  const Handle handle = file_->open_object(object);
  hsize_t position = 0;
  file_->check(H5Aiterate2(handle.id(), H5_INDEX_NAME, H5_ITER_INC, &position, collect_name, &names), object);
  std::ranges::sort(names);
  return names;
}

std::vector<DatasetInfo> Hdf5Reader::list() const {
  std::vector<std::string> paths;
  file_->check(H5Ovisit(file_->id(), H5_INDEX_NAME, H5_ITER_INC, collect_dataset, &paths), "the list of datasets");
  std::ranges::sort(paths);
  std::vector<DatasetInfo> datasets;
  datasets.reserve(paths.size());
  for (const auto& path : paths) datasets.push_back(file_->describe(path));
  return datasets;
}

}  // namespace westofn::io
