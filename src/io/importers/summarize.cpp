// SPDX-License-Identifier: Apache-2.0
// OpenAI summarize-from-feedback, comparisons: {"info", "summaries": [{"text", ...}, {...}], "choice": 0 or 1, "split",
// "extra": {"confidence"}}. The prompt is written as in OpenAI's code:
//   "SUBREDDIT: r/{subreddit}\n\nTITLE: {title}\n\nPOST: {post}\n\nTL;DR:"   posts
//   "Article:\n{article}\n\nTL;DR:"                                          news
// The group is info.id. The names of the policies are not taken over.
#include <utility>

#include "io/importers/dialogue.h"
#include "io/importers/formats.h"
#include "util/text.h"

namespace westofn::io {
namespace {

std::string read_document(const JsonValue& info) {
  if (const auto article = info.find("article")) return "Article:\n" + article->text() + "\n\nTL;DR:";
  return "SUBREDDIT: r/" + info.field("subreddit").text() + "\n\nTITLE: " + info.field("title").text() +
         "\n\nPOST: " + info.field("post").text() + "\n\nTL;DR:";
}

std::optional<Split> read_split(const JsonValue& row) {
  const auto split = row.find("split");
  if (!split) return std::nullopt;
  if (split->text() == "train") return Split::train;
  if (split->text() == "valid1") return Split::validation;
  if (split->text() == "valid2") return Split::test;
  split->fail("expected train, valid1 or valid2, found " + printable(split->text(), 40));
}

}  // namespace

Imported<ImportedPair> import_summarize(const JsonValue& row) {
  const JsonValue info = row.field("info");
  const JsonValue list = row.field("summaries");
  const auto summaries = list.items();
  if (summaries.size() != 2) list.fail("expected two summaries, found " + std::to_string(summaries.size()));
  const std::uint64_t choice = row.field("choice").count();
  if (choice > 1) row.field("choice").fail("expected 0 or 1");

  ImportedPair pair{.group = info.field("id").id(), .prompt = read_document(info), .split = read_split(row)};
  pair.chosen = summaries[choice].field("text").text();
  pair.rejected = summaries[1 - choice].field("text").text();
  if (const auto extra = row.find("extra")) {
    if (const auto confidence = extra->find("confidence")) pair.confidence = confidence->number();
  }
  return pair;
}

}  // namespace westofn::io
