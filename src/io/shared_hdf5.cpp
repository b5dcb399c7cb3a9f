// SPDX-License-Identifier: Apache-2.0
#include "io/shared_hdf5.h"

#include <algorithm>
#include <exception>

#include "comm/agree.h"
#include "comm/blocking_guard.h"
#include "comm/mpi_handle.h"
#include "comm/typed.h"
#include "io/durable_file.h"
#include "io/hdf5_build.h"
#include "util/fault.h"

namespace westofn::io {
namespace {

using detail::check;
using detail::Handle;

constexpr std::uint64_t call_bytes = std::uint64_t{1} << 30;  // that a rank writes in one collective call
constexpr double call_limit_s = 1800;                         // a rank that hangs must not hold the others for ever
constexpr int part_tag = 41;

/// Properties for opening the file on this rank.
Handle access_properties([[maybe_unused]] const comm::Communicator& comm, SharedWriting writing) {
  Handle access(check(H5Pcreate(H5P_FILE_ACCESS), "properties"), H5Pclose);
  detail::set_format(access.id());
  if (writing == SharedWriting::gathered) return access;
#ifdef H5_HAVE_PARALLEL
  const MPI_Comm mpi = MPI_Comm_f2c(static_cast<int>(comm::mpi_handle(comm).value()));
  check(H5Pset_fapl_mpio(access.id(), mpi, MPI_INFO_NULL), "parallel access");
  check(H5Pset_coll_metadata_write(access.id(), true), "collective metadata");
#endif
  return access;
}

Handle transfer_properties(SharedWriting writing) {
  Handle transfer(check(H5Pcreate(H5P_DATASET_XFER), "properties"), H5Pclose);
#ifdef H5_HAVE_PARALLEL
  if (writing == SharedWriting::together) {
    check(H5Pset_dxpl_mpio(transfer.id(), H5FD_MPIO_COLLECTIVE), "collective writing");
  }
#endif
  return transfer;
}

/// Some elements of a dataset.
struct Slab {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  const std::byte* values = nullptr;
};

}  // namespace

/// The open file, and the dataset that is being written. On ranks that do not write both are closed.
struct SharedHdf5Writer::File {
  Handle handle;
  Handle dataset;
  ElementType type = ElementType::other;
  std::string dataset_path;

  void create_dataset(const Column& column, std::uint64_t total) {
    detail::make_groups(handle.id(), column.path);
    const hsize_t extent = total;
    const Handle space(check(H5Screate_simple(1, &extent, nullptr), column.path), H5Sclose);
    const Handle properties = detail::timeless(H5P_DATASET_CREATE);
    check(H5Pset_fill_time(properties.id(), H5D_FILL_TIME_NEVER), "no filling");
    dataset = {check(H5Dcreate2(handle.id(), column.path.c_str(), detail::file_type(column.type), space.id(),
                                H5P_DEFAULT, properties.id(), H5P_DEFAULT),
                     column.path),
               H5Dclose};
    detail::write_note(dataset.id(), column.note);
    type = column.type;
    dataset_path = column.path;
  }

  /// In the mode `together` collective; an empty slab takes part.
  void write(const Slab& slab, SharedWriting writing) const {
    const Handle transfer = transfer_properties(writing);
    const Handle in_file(check(H5Dget_space(dataset.id()), dataset_path), H5Sclose);
    const hsize_t first = slab.first;
    const hsize_t count = slab.count;
    const hsize_t extent = std::max<hsize_t>(count, 1);
    const Handle in_memory(check(H5Screate_simple(1, &extent, nullptr), dataset_path), H5Sclose);
    if (count > 0) {
      check(H5Sselect_hyperslab(in_file.id(), H5S_SELECT_SET, &first, nullptr, &count, nullptr), dataset_path);
    } else {
      check(H5Sselect_none(in_file.id()), dataset_path);
      check(H5Sselect_none(in_memory.id()), dataset_path);
    }
    static const std::byte nothing{};
    check(H5Dwrite(dataset.id(), detail::memory_type(type), in_memory.id(), in_file.id(), transfer.id(),
                   count > 0 ? slab.values : &nothing),
          dataset_path);
  }
};

SharedWriting best_writing(const comm::Communicator& comm) {
#ifdef H5_HAVE_PARALLEL
  if (comm.size() > 1 && comm::mpi_handle(comm)) return SharedWriting::together;
#endif
  static_cast<void>(comm);
  return SharedWriting::gathered;
}

SharedHdf5Writer::SharedHdf5Writer(comm::Communicator& comm, const std::string& path, SharedWriting writing,
                                   const std::function<void(Hdf5Writer&)>& small)
    : comm_(comm),
      path_(path),
      temporary_(comm::broadcast_string(comm, temporary_name(path), 0)),
      writing_(writing),
      file_(std::make_unique<File>()) {
  comm::agree(comm_, [&] {
    if (comm_.rank() != 0) return;
    Hdf5Writer writer;
    small(writer);
    writer.publish(temporary_);
  });
  pass_together("shared_hdf5.open");
  comm::agree(comm_, [&] {
    if (writing_ == SharedWriting::gathered && comm_.rank() != 0) return;
    const auto lock = detail::lock_library();
    const comm::BlockingGuard guard(call_limit_s, "opening an HDF5 file together");
    detail::start_hdf5();
    const Handle access = access_properties(comm_, writing_);
    file_->handle = {check(H5Fopen(temporary_.c_str(), H5F_ACC_RDWR, access.id()), path_), H5Fclose};
  });
}

SharedHdf5Writer::~SharedHdf5Writer() {
  if (temporary_.empty()) return;
  // Closing would be collective, and it is not known who else comes here: the job is about to end.
  if (writing_ == SharedWriting::together) {
    file_->dataset.abandon();
    file_->handle.abandon();
  }
  if (comm_.rank() == 0) remove_file_quietly(temporary_);
}

void SharedHdf5Writer::pass_together(std::string_view point) {
  comm::agree(comm_, [&] { fault_point(point); });
}

SharedHdf5Writer::Extent SharedHdf5Writer::share(std::uint64_t mine) {
  Extent extent;
  extent.counts.resize(static_cast<std::size_t>(comm_.size()));
  comm_.all_gather(std::span(&mine, 1), extent.counts);
  for (std::size_t r = 0; r < extent.counts.size(); ++r) {
    if (r < static_cast<std::size_t>(comm_.rank())) extent.first += extent.counts[r];
    extent.total += extent.counts[r];
  }
  return extent;
}

void SharedHdf5Writer::write(const Column& column, std::span<const std::byte> mine) {
  const std::size_t width = detail::element_bytes(column.type);
  const Extent extent = share(mine.size() / width);
  pass_together("shared_hdf5.write");
  comm::agree(comm_, [&] {
    if (writing_ == SharedWriting::gathered && comm_.rank() != 0) return;
    const auto lock = detail::lock_library();
    const comm::BlockingGuard guard(call_limit_s, "creating an HDF5 dataset together");
    file_->create_dataset(column, extent.total);
  });
  if (writing_ == SharedWriting::together) {
    write_together(extent, mine, width);
  } else {
    write_gathered(extent, mine, width);
  }
}

void SharedHdf5Writer::write_together(const Extent& extent, std::span<const std::byte> mine, std::size_t width) {
  const std::uint64_t each = call_bytes / width;
  const std::uint64_t most = *std::ranges::max_element(extent.counts);
  const std::uint64_t count = mine.size() / width;
  for (std::uint64_t begin = 0; begin < most; begin += each) {
    comm::agree(comm_, [&] {
      const comm::BlockingGuard guard(call_limit_s, "writing an HDF5 dataset together");
      const std::uint64_t done = std::min(begin, count);
      file_->write({extent.first + done, std::min(each, count - done), mine.data() + done * width}, writing_);
    });
    comm_.beat();
  }
  file_->dataset.close();
}

void SharedHdf5Writer::write_gathered(const Extent& extent, std::span<const std::byte> mine, std::size_t width) {
  if (comm_.rank() != 0 && !mine.empty()) comm_.send(mine, 0, part_tag);
  std::exception_ptr error;
  std::vector<std::byte> received;
  std::uint64_t first = 0;
  for (int r = 0; comm_.rank() == 0 && r < comm_.size(); ++r) {
    const std::uint64_t count = extent.counts[static_cast<std::size_t>(r)];
    if (count == 0) continue;
    received.resize(r == 0 ? 0 : count * width);
    if (r > 0) comm_.receive(received, r, part_tag);  // also after an error: the others send
    try {
      const auto lock = detail::lock_library();
      if (!error) file_->write({first, count, r == 0 ? mine.data() : received.data()}, writing_);
    } catch (...) {
      error = std::current_exception();
    }
    first += count;
    comm_.beat();
  }
  comm::settle(comm_, error);
  const auto lock = detail::lock_library();
  file_->dataset.close();
}

void SharedHdf5Writer::offsets(const std::string& path, std::span<const std::int64_t> ends, std::uint64_t count,
                               const FieldNote& note) {
  const auto first = static_cast<std::int64_t>(rows_before(count));
  std::vector<std::int64_t> values;
  values.reserve(ends.size() + 1);
  if (comm_.rank() == 0) values.push_back(0);
  for (const std::int64_t end : ends) values.push_back(first + end);
  column(path, values, note);
}

void SharedHdf5Writer::text(const std::string& path, const TextColumn& mine, const FieldNote& note) {
  column(path + "/bytes", std::span(reinterpret_cast<const std::uint8_t*>(mine.bytes.data()), mine.bytes.size()),
         {note.description + " (all rows, UTF-8)", note.units});
  offsets(path + "/offsets", mine.ends, mine.bytes.size(), {"row i is bytes[offsets[i]:offsets[i + 1]]", "bytes"});
}

void SharedHdf5Writer::publish() {
  pass_together("shared_hdf5.close");
  comm::agree(comm_, [&] {
    if (file_->handle.id() < 0) return;
    const auto lock = detail::lock_library();
    const comm::BlockingGuard guard(call_limit_s, "closing an HDF5 file together");
    check(H5Fflush(file_->handle.id(), H5F_SCOPE_GLOBAL), "flush " + path_);
    check(file_->handle.close(), "close " + path_);
  });
  comm::agree(comm_, [&] {
    if (comm_.rank() != 0) return;
    const std::string trailer = [&] {
      const MappedFile map(temporary_);
      return detail::make_trailer(map.text());
    }();
    publish_temporary(temporary_, path_, trailer);
  });
  temporary_.clear();
}

}  // namespace westofn::io
