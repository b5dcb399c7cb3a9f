// SPDX-License-Identifier: Apache-2.0
// Turns one JSON row of a published data set into a pair, a prompt or a demonstration.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "io/json_text.h"
#include "record/records.h"

namespace westofn::io {

/// The layouts of preference data that are read.
enum class PairFormat { trl, hh, summarize, ultrafeedback };
[[nodiscard]] std::string_view to_string(PairFormat format);

/// Why a row that is well formed gives no pair.
enum class DropReason {
  bad_record,        ///< not well formed; only a caller that skips such rows counts it
  no_common_prompt,  ///< the two texts do not begin with the same prompt
  further_turn,      ///< a further turn of the dialogue follows a response
  empty_prompt,
  empty_response,
  equal_responses,
  tied_scores,   ///< the scores do not say which response is better
  one_response,  ///< fewer than two responses to choose from
};
/// Every reason, for a balance that lists them all.
inline constexpr DropReason all_drop_reasons[] = {
    DropReason::bad_record,     DropReason::no_common_prompt, DropReason::further_turn, DropReason::empty_prompt,
    DropReason::empty_response, DropReason::equal_responses,  DropReason::tied_scores,  DropReason::one_response};
[[nodiscard]] std::string_view to_string(DropReason reason);

/// A labelled pair as its row gives it.
struct ImportedPair {
  std::optional<std::string> id = {};
  std::string group = {};  ///< given, else post id, else first human turn, else the prompt
  std::string prompt = {};
  std::string chosen = {};
  std::string rejected = {};
  std::optional<double> confidence = {};  ///< in the scale of the data set
  std::optional<Split> split = {};
  std::optional<bool> labelled_half = {};
};

/// A prompt without labels.
struct ImportedPrompt {
  std::optional<std::string> id = {};
  std::string group = {};
  std::string prompt = {};
};

/// A response to learn from.
struct ImportedDemonstration {
  std::optional<std::string> id = {};
  std::string group = {};
  std::string prompt = {};
  std::string response = {};
};

/// A record, or why the row gives none.
template <class Record>
using Imported = std::variant<Record, DropReason>;

/// Reads a row of pairs. Throws DataError with file, line and field if the row is not of that format.
[[nodiscard]] Imported<ImportedPair> import_pair(PairFormat format, const JsonValue& row);

/// Reads {"id"?, "prompt", "group"?}; the prompt is a text or a list of chat messages and may be empty. Throws
/// DataError.
[[nodiscard]] ImportedPrompt import_prompt(const JsonValue& row);

/// Reads {"id"?, "prompt", "response" or "completion" or "summary", "group"?}. Throws DataError.
[[nodiscard]] Imported<ImportedDemonstration> import_demonstration(const JsonValue& row);

}  // namespace westofn::io
