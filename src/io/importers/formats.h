// SPDX-License-Identifier: Apache-2.0
// The importers of single formats; import_pair chooses among them. All throw DataError with file, line and field.
#pragma once

#include "io/importers/importer.h"

namespace westofn::io {

/// Prompt, chosen and rejected of a TRL row, without its further columns: "prompt" is there or is the common beginning
/// of both; each is a text or a list of chat messages.
[[nodiscard]] Imported<ImportedPair> import_trl(const JsonValue& row);

/// Two whole transcripts "\n\nHuman: ...\n\nAssistant: ...".
[[nodiscard]] Imported<ImportedPair> import_hh(const JsonValue& row);

/// A comparison of two summaries of a Reddit post or a news article.
[[nodiscard]] Imported<ImportedPair> import_summarize(const JsonValue& row);

/// An instruction with scored completions, or the binarised form with two chats.
[[nodiscard]] Imported<ImportedPair> import_ultrafeedback(const JsonValue& row);

}  // namespace westofn::io
