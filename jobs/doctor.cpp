// SPDX-License-Identifier: Apache-2.0
// westofn doctor: what machine, launcher and build offer, and what is wrong with them.
#include "app/doctor.h"

#include <cstdio>
#include <memory>

#include "jobs/jobs.h"

namespace westofn::jobs {

void add_doctor(CommandLine& line) {
  auto folder = std::make_shared<std::string>("runs");
  CLI::App* command = line.app.add_subcommand(
      "doctor", "check MPI, ranks and binding, NCCL, HDF5, GPUs and the file system; start it as you start a job");
  command->add_option("--dir", *folder, "the folder whose file system is tried (default: runs)")
      ->type_name("DIR")
      ->check(not_empty());
  command->callback([&line, folder] {
    line.exit_code =
        app::run_job(line.common, [&](app::JobContext& job) { std::fputs(app::doctor(job, *folder).c_str(), stdout); });
  });
}

}  // namespace westofn::jobs
