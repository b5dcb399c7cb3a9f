// SPDX-License-Identifier: Apache-2.0
// A JSONL file, plain or gzip: what is read comes back equal after it was written.
#include <nlohmann/json.hpp>

#include "fuzz/fuzz_target.h"
#include "fuzz/input_file.h"
#include "io/jsonl_reader.h"
#include "support/gzip.h"
#include "util/error.h"

namespace {

void check_round_trip(const nlohmann::json& value) {
  const westofn::io::TextPlace place{"again", 1};
  WESTOFN_CHECK(westofn::io::parse_json(value.dump(), place) == value, "a parsed value changes when it is written");
}

}  // namespace

std::vector<std::string> westofn::fuzz::seeds() {
  const std::string rows =
      "{\"id\": 1, \"prompt\": \"caf\xc3\xa9 \\ud83d\\ude00\", \"list\": [1, -2.5e3, null, true]}\r\n\n{\"a\": {\"b\": "
      "[]}}\n";
  return {rows, "\xEF\xBB\xBF" + rows, testing::gzip(rows), testing::gzip(rows) + testing::gzip(rows)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const westofn::fuzz::InputFile file({reinterpret_cast<const char*>(data), size});
  try {
    westofn::io::JsonlReader reader(file.path());
    westofn::io::SkippedRecords skipped;
    while (const auto line = reader.next()) {
      westofn::io::use_row(*line, reader.path(), westofn::io::OnBadRecord::skip, skipped,
                           [](const westofn::io::JsonValue& row) { check_round_trip(row.json()); });
    }
  } catch (const westofn::DataError&) {  // the answer to wrong input
  }
  return 0;
}
