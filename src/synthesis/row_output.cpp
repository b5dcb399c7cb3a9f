// SPDX-License-Identifier: Apache-2.0
#include "synthesis/row_output.h"

#include <algorithm>
#include <optional>

#include "app/progress.h"
#include "comm/agree.h"
#include "comm/typed.h"
#include "io/durable_file.h"
#include "io/file.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/text.h"

namespace westofn::synthesis {

void check_new_file(const std::string& path) {
  if (io::file_status(path)) {
    throw ConfigError(printable(path) + " exists already; choose another name or remove it");
  }
  const std::string folder = io::parent_folder(path);
  const auto status = io::file_status(folder);
  if (!status || !status->is_folder) {
    throw ConfigError(printable(path) + ": there is no folder " + printable(folder) + "; make it first");
  }
}

void write_portions(app::JobContext& job, const std::string& path, std::size_t portions,
                    const std::function<std::string(std::size_t)>& make) {
  comm::Communicator& world = job.world;
  const auto ranks = static_cast<std::size_t>(world.size());
  std::optional<io::DurableFile> file;
  comm::agree(world, [&] {
    fault_point("output.begin");
    if (world.rank() == 0) file.emplace(path);
  });
  app::Progress progress(world, {path, "portions", static_cast<std::int64_t>(portions), ""});
  for (std::size_t first = 0; first < portions; first += ranks) {
    const std::string mine = comm::agree(world, [&] {
      if (job.stop.signalled()) {
        throw StopRequested(printable(path) + ": stopped in time; nothing is written. Run the same command again.");
      }
      const std::size_t portion = first + static_cast<std::size_t>(world.rank());
      return portion < portions ? make(portion) : std::string();
    });
    const auto texts = comm::gather_strings(world, mine, 0);
    comm::agree(world, [&] {
      for (const auto& text : texts) file->append(text);
    });
    progress.update(static_cast<std::int64_t>(std::min(first + ranks, portions)));
  }
  comm::agree(world, [&] {
    fault_point("output.commit");
    if (world.rank() == 0) file->commit();
  });
  progress.finish("done");
}

}  // namespace westofn::synthesis
