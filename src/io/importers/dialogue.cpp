// SPDX-License-Identifier: Apache-2.0
#include "io/importers/dialogue.h"

#include <algorithm>
#include <utility>

#include "util/error.h"
#include "util/text.h"

namespace westofn::io {
namespace {

std::string_view name_of_turn(std::string_view role) {
  if (role == "system") return "System";
  if (role == "user") return "Human";
  return "Assistant";
}

bool has_turn(std::string_view text) {
  return text.find(human_turn) != text.npos || text.find(assistant_turn) != text.npos;
}

}  // namespace

std::vector<Message> read_messages(const JsonValue& list) {
  std::vector<Message> messages;
  for (const JsonValue& item : list.items()) {
    const JsonValue role = item.field("role");
    if (role.text() != "system" && role.text() != "user" && role.text() != "assistant") {
      role.fail("expected system, user or assistant, found " + printable(role.text(), 40));
    }
    messages.push_back({role.text(), item.field("content").text()});
  }
  return messages;
}

std::string render_prompt(std::span<const Message> messages) {
  std::string text;
  for (const Message& message : messages) {
    text.append("\n\n").append(name_of_turn(message.role)).append(": ").append(message.content);
  }
  return text.append(assistant_turn);
}

std::string read_prompt(const JsonValue& value) {
  if (value.is_text()) return value.text();
  if (!value.is_list()) value.fail("expected a string or a list of chat messages");
  const auto messages = read_messages(value);
  if (messages.empty() || messages.back().role != "user") value.fail("a prompt ends with a message of the user");
  return render_prompt(messages);
}

std::string group_of_prompt(std::string_view prompt) {
  const std::size_t turn = prompt.find(human_turn);
  if (turn == std::string_view::npos) return std::string(prompt);
  const std::string_view after = prompt.substr(turn + human_turn.size());
  const std::string_view first = trimmed(after.substr(0, std::min(after.find(assistant_turn), after.find(human_turn))));
  return std::string(first.empty() ? prompt : first);
}

std::size_t common_prefix_length(std::string_view a, std::string_view b) {
  const auto [end_a, end_b] = std::ranges::mismatch(a, b);
  return static_cast<std::size_t>(end_a - a.begin());
}

Imported<ImportedPair> split_transcripts(std::string_view chosen, std::string_view rejected) {
  const std::string_view common = chosen.substr(0, common_prefix_length(chosen, rejected));
  const std::size_t turn = common.rfind(assistant_turn);
  if (turn == std::string_view::npos) return DropReason::no_common_prompt;
  const std::size_t length = turn + assistant_turn.size();
  chosen.remove_prefix(length);
  rejected.remove_prefix(length);
  if (has_turn(chosen) || has_turn(rejected)) return DropReason::further_turn;
  return ImportedPair{.prompt = std::string(common.substr(0, length)),
                      .chosen = std::string(chosen),
                      .rejected = std::string(rejected)};
}

Imported<ImportedPair> finish_pair(ImportedPair pair) {
  pair.chosen = trimmed(pair.chosen);
  pair.rejected = trimmed(pair.rejected);
  if (trimmed(pair.prompt).empty()) return DropReason::empty_prompt;
  if (pair.chosen.empty() || pair.rejected.empty()) return DropReason::empty_response;
  if (pair.chosen == pair.rejected) return DropReason::equal_responses;
  if (pair.group.empty()) pair.group = group_of_prompt(pair.prompt);
  return pair;
}

}  // namespace westofn::io
