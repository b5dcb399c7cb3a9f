// SPDX-License-Identifier: Apache-2.0
// Main of tests under mpirun: rank 0 prints as usual, the others print failures only, and all end with one exit code.
#include "support/mpi_main.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

namespace westofn::testing {
namespace {

std::unique_ptr<comm::MpiSession> open_session;

/// Counts failures over all ranks at the end of each test, a point that every rank reaches.
class AgreeOnFailures final : public ::testing::EmptyTestEventListener {
 public:
  [[nodiscard]] std::int64_t failed_tests() const { return failed_tests_; }

 private:
  void OnTestPartResult(const ::testing::TestPartResult& result) override {
    if (!result.failed() || world().rank() == 0) return;
    const char* file = result.file_name() == nullptr ? "unknown file" : result.file_name();
    std::fprintf(stderr, "[rank %d] %s:%d: %s\n", world().rank(), file, result.line_number(), result.message());
  }

  void OnTestEnd(const ::testing::TestInfo& test) override {
    const std::int64_t failed = test.result()->Failed() ? 1 : 0;
    const std::int64_t ranks = world().all_reduce(failed, comm::ReduceOp::sum);
    if (ranks > 0) ++failed_tests_;
    if (ranks > failed && world().rank() == 0) {
      std::printf("[  FAILED  ] %s.%s on %s ranks\n", test.test_suite_name(), test.name(),
                  std::to_string(ranks).c_str());
      std::fflush(stdout);
    }
  }

  std::int64_t failed_tests_ = 0;
};

int run_tests(AgreeOnFailures& failures) {
  const auto& unit_test = *::testing::UnitTest::GetInstance();
  const bool passed_here = RUN_ALL_TESTS() == 0;
  const bool none = unit_test.test_to_run_count() == 0;
  if (none && world().rank() == 0) std::printf("[  FAILED  ] no test was run\n");
  const std::int32_t failed = !passed_here || none || failures.failed_tests() > 0 ? 1 : 0;
  return world().all_reduce(failed, comm::ReduceOp::max);
}

}  // namespace

comm::MpiSession& session() { return *open_session; }

}  // namespace westofn::testing

int main(int argc, char** argv) {
  using namespace westofn::testing;
  ::testing::InitGoogleTest(&argc, argv);
  open_session = std::make_unique<westofn::comm::MpiSession>(westofn::comm::SessionOptions{.deadline_s = 30});
  int code = 1;
  try {
    auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
    if (world().rank() != 0) delete listeners.Release(listeners.default_result_printer());
    auto* failures = new AgreeOnFailures;  // owned by the list
    listeners.Append(failures);
    code = run_tests(*failures);
    session().close();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "[rank %d] %s\n", world().rank(), e.what());
    session().abort(westofn::ExitCode::communication);
  }
  return code;
}
