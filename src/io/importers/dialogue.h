// SPDX-License-Identifier: Apache-2.0
// What the importers share: chat messages as text, where a dialogue is cut, and the checks that every pair passes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/importers/importer.h"
#include "io/json_text.h"

namespace westofn::io {

inline constexpr std::string_view human_turn = "\n\nHuman:";
inline constexpr std::string_view assistant_turn = "\n\nAssistant:";

/// One message of a chat; the role is system, user or assistant.
struct Message {
  std::string role;
  std::string content;
  bool operator==(const Message&) const = default;
};

/// Reads a list of {"role", "content"}. Throws DataError.
[[nodiscard]] std::vector<Message> read_messages(const JsonValue& list);

/// A chat as the text of a prompt in the style of the HH data: every message as "\n\nSystem: ...", "\n\nHuman: ..." or
/// "\n\nAssistant: ...", and "\n\nAssistant:" at the end.
[[nodiscard]] std::string render_prompt(std::span<const Message> messages);

/// A prompt field: a text as it is, or a chat, rendered. Throws DataError.
[[nodiscard]] std::string read_prompt(const JsonValue& value);

/// The first human turn of a dialogue without white space at its ends; of any other text the text itself.
[[nodiscard]] std::string group_of_prompt(std::string_view prompt);

/// The length of the longest text that both begin with.
[[nodiscard]] std::size_t common_prefix_length(std::string_view a, std::string_view b);

/// Cuts two transcripts after the last assistant_turn that they have in common; drops them if a further turn, of
/// either side, follows in one of them.
[[nodiscard]] Imported<ImportedPair> split_transcripts(std::string_view chosen, std::string_view rejected);

/// Takes white space off the ends of the responses, fills in the group and drops what is empty or equal.
[[nodiscard]] Imported<ImportedPair> finish_pair(ImportedPair pair);

}  // namespace westofn::io
