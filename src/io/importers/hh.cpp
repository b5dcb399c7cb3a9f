// SPDX-License-Identifier: Apache-2.0
// Anthropic HH: {"chosen", "rejected"}, whole transcripts that share their beginning. The prompt is the longest common
// beginning that ends in "Assistant:"; what follows in each transcript is its response. A further turn, in the
// published files most often a second one of the assistant, drops the row.
#include "io/importers/dialogue.h"
#include "io/importers/formats.h"

namespace westofn::io {

Imported<ImportedPair> import_hh(const JsonValue& row) {
  const JsonValue chosen = row.field("chosen");
  return split_transcripts(chosen.text(), row.field("rejected").text());
}

}  // namespace westofn::io
