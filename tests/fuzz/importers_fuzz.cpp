// SPDX-License-Identifier: Apache-2.0
// A row for an importer; the first byte chooses which. A pair that is accepted has a prompt and two different
// responses without white space at their ends.
#include <nlohmann/json.hpp>

#include "fuzz/fuzz_target.h"
#include "io/importers/importer.h"
#include "util/error.h"
#include "util/text.h"

namespace {

using namespace westofn;

void check_response(const std::string& text) {
  WESTOFN_CHECK(!text.empty() && text == trimmed(text) && !find_invalid_utf8(text), "a response that is no text");
}

void check_pair(io::PairFormat format, const io::JsonValue& row) {
  const auto imported = io::import_pair(format, row);
  if (const auto* reason = std::get_if<io::DropReason>(&imported)) {
    WESTOFN_CHECK(*reason != io::DropReason::bad_record, "a bad record is an error");
    return;
  }
  const auto& pair = std::get<io::ImportedPair>(imported);
  check_response(pair.chosen);
  check_response(pair.rejected);
  WESTOFN_CHECK(pair.chosen != pair.rejected, "equal responses");
  WESTOFN_CHECK(!pair.prompt.empty() && !find_invalid_utf8(pair.prompt), "a prompt that is no text");
  WESTOFN_CHECK(!pair.group.empty() && !find_invalid_utf8(pair.group), "a group that is no text");
}

void check_row(char importer, const io::JsonValue& row) {
  switch (importer) {
    case 't': return check_pair(io::PairFormat::trl, row);
    case 'h': return check_pair(io::PairFormat::hh, row);
    case 's': return check_pair(io::PairFormat::summarize, row);
    case 'u': return check_pair(io::PairFormat::ultrafeedback, row);
    case 'p': return static_cast<void>(io::import_prompt(row));
    default: return static_cast<void>(io::import_demonstration(row));
  }
}

}  // namespace

std::vector<std::string> westofn::fuzz::seeds() {
  const std::string chat_a = R"([{"role":"user","content":"q"},{"role":"assistant","content":"a"}])";
  const std::string chat_b = R"([{"role":"user","content":"q"},{"role":"assistant","content":"b"}])";
  return {
      R"(t{"prompt":"p","chosen":"a","rejected":"b","id":"x","group":7,"confidence":0.9,"split":"train","half":"labelled"})",
      R"(t{"chosen":"The sky is caf\u00e9","rejected":"The sky is caf\u00e8"})",
      R"(t{"chosen":)" + chat_a + R"(,"rejected":)" + chat_b + "}",
      R"(t{"prompt":[{"role":"system","content":"s"},{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}]})",
      R"(h{"chosen":"\n\nHuman: h\n\nAssistant: \u00e9a","rejected":"\n\nHuman: h\n\nAssistant: \u00e8b"})",
      R"(s{"info":{"id":"i","post":"p","title":"t","subreddit":"s"},"summaries":[{"text":"a"},{"text":"b"}],"choice":1,"split":"valid1","extra":{"confidence":8}})",
      R"(s{"info":{"id":"i","article":"p"},"summaries":[{"text":"a"},{"text":"b"}],"choice":0})",
      R"(u{"instruction":"i","completions":[{"response":"a","overall_score":1},{"response":"b","fine-grained_score":2.5}]})",
      R"(u{"prompt":"q","chosen":)" + chat_a + R"(,"rejected":)" + chat_b + R"(,"score_chosen":8,"score_rejected":7})",
      R"(p{"id":3,"prompt":"\n\nHuman: h\n\nAssistant:","group":"g"})",
      R"(d{"prompt":"p","completion":"r"})"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.empty()) return 0;
  try {
    const io::TextPlace place{"fuzz", 1};
    const nlohmann::json json = io::parse_json(text.substr(1), place);
    check_row(text.front(), io::JsonValue(json, place));
  } catch (const DataError&) {  // the answer to wrong input
  }
  return 0;
}
