// SPDX-License-Identifier: Apache-2.0
// TRL: {"prompt"?, "chosen", "rejected"}, texts or chats. Without "prompt" (implicit) it is what both begin with:
// - chats: the messages that both begin with; one message of the assistant must follow in each;
// - transcripts with "\n\nHuman:" and "\n\nAssistant:": as in the HH data;
// - other texts: the common beginning, cut back to its last white space so that no word is torn apart.
#include <algorithm>
#include <span>

#include "io/importers/dialogue.h"
#include "io/importers/formats.h"
#include "util/text.h"

namespace westofn::io {
namespace {

bool is_transcript(std::string_view text) {
  return text.find(human_turn) != text.npos && text.find(assistant_turn) != text.npos;
}

Imported<ImportedPair> split_texts(std::string_view chosen, std::string_view rejected) {
  if (is_transcript(chosen) && is_transcript(rejected)) return split_transcripts(chosen, rejected);
  const std::string_view common = chosen.substr(0, common_prefix_length(chosen, rejected));
  const std::size_t blank = common.find_last_of(" \t\r\n");
  const std::string_view prompt = trimmed(common.substr(0, blank == common.npos ? 0 : blank));
  if (prompt.empty()) return DropReason::no_common_prompt;
  return ImportedPair{.prompt = std::string(prompt),
                      .chosen = std::string(chosen.substr(blank)),
                      .rejected = std::string(rejected.substr(blank))};
}

/// What is left of a chat after its prompt must be one message of the assistant.
void check_response(std::span<const Message> rest, const JsonValue& chat) {
  if (!rest.empty() && rest.front().role != "assistant") chat.fail("the response is not a message of the assistant");
}

Imported<ImportedPair> pair_of_chats(std::span<const Message> chosen, std::span<const Message> rejected,
                                     const JsonValue& row) {
  check_response(chosen, row.field("chosen"));
  check_response(rejected, row.field("rejected"));
  if (chosen.size() > 1 || rejected.size() > 1) return DropReason::further_turn;
  return ImportedPair{.chosen = chosen.empty() ? "" : chosen.front().content,
                      .rejected = rejected.empty() ? "" : rejected.front().content};
}

Imported<ImportedPair> split_chats(std::span<const Message> chosen, std::span<const Message> rejected,
                                   const JsonValue& row) {
  std::size_t common = 0;
  const std::size_t shorter = std::min(chosen.size(), rejected.size());
  // The last message of either chat is a response even where the other chat has the same one.
  while (common + 1 < shorter && chosen[common] == rejected[common]) ++common;
  if (common == 0) return DropReason::no_common_prompt;
  if (chosen[common - 1].role != "user") row.fail("the chats differ after a message that is not of the user");
  auto pair = pair_of_chats(chosen.subspan(common), rejected.subspan(common), row);
  if (auto* found = std::get_if<ImportedPair>(&pair)) found->prompt = render_prompt(chosen.first(common));
  return pair;
}

Imported<ImportedPair> import_chats(const JsonValue& row) {
  const auto chosen = read_messages(row.field("chosen"));
  const auto rejected = read_messages(row.field("rejected"));
  const auto prompt = row.find("prompt");
  // Beside a prompt in plain text the chats may repeat it as their first message; then they say all.
  const bool chats_hold_prompt = !prompt || (prompt->is_text() && std::max(chosen.size(), rejected.size()) > 1);
  if (chats_hold_prompt) return split_chats(chosen, rejected, row);
  auto pair = pair_of_chats(chosen, rejected, row);
  if (auto* found = std::get_if<ImportedPair>(&pair)) {
    found->prompt =
        prompt->is_text() ? render_prompt(std::vector<Message>{{"user", prompt->text()}}) : read_prompt(*prompt);
  }
  return pair;
}

}  // namespace

Imported<ImportedPair> import_trl(const JsonValue& row) {
  const JsonValue chosen = row.field("chosen");
  const JsonValue rejected = row.field("rejected");
  if (chosen.is_list()) return import_chats(row);
  const auto prompt = row.find("prompt");
  if (!prompt) return split_texts(chosen.text(), rejected.text());
  return ImportedPair{.prompt = read_prompt(*prompt), .chosen = chosen.text(), .rejected = rejected.text()};
}

}  // namespace westofn::io
