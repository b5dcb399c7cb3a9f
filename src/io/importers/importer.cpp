// SPDX-License-Identifier: Apache-2.0
#include "io/importers/importer.h"

#include "io/importers/dialogue.h"
#include "io/importers/formats.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::io {
namespace {

template <class Record>
void read_id_and_group(const JsonValue& row, Record& record) {
  if (const auto id = row.find("id")) record.id = id->id();
  if (const auto group = row.find("group")) record.group = group->id();
}

Split read_split(const JsonValue& value) {
  if (value.text() == "train") return Split::train;
  if (value.text() == "validation") return Split::validation;
  if (value.text() == "test") return Split::test;
  if (value.text() == "judge") return Split::judge;
  value.fail("expected train, validation, test or judge, found " + printable(value.text(), 40));
}

/// The columns beside prompt and responses that a row of dialogues or of TRL may have.
void read_further_columns(const JsonValue& row, ImportedPair& pair) {
  read_id_and_group(row, pair);
  if (const auto confidence = row.find("confidence")) pair.confidence = confidence->number();
  if (const auto split = row.find("split")) pair.split = read_split(*split);
  if (const auto half = row.find("half")) {
    pair.labelled_half = half->text() == "labelled";
    if (!*pair.labelled_half && half->text() != "unlabelled") half->fail("expected labelled or unlabelled");
  }
}

Imported<ImportedPair> import_format(PairFormat format, const JsonValue& row) {
  switch (format) {
    case PairFormat::trl: return import_trl(row);
    case PairFormat::hh: return import_hh(row);
    case PairFormat::summarize: return import_summarize(row);
    case PairFormat::ultrafeedback: return import_ultrafeedback(row);
  }
  throw InternalError("unknown format of pairs");
}

JsonValue find_response(const JsonValue& row) {
  for (const char* key : {"response", "completion", "summary"}) {
    if (const auto response = row.find(key)) return *response;
  }
  row.fail("has none of the fields 'response', 'completion' and 'summary'");
}

}  // namespace

std::string_view to_string(PairFormat format) {
  switch (format) {
    case PairFormat::trl: return "trl";
    case PairFormat::hh: return "hh";
    case PairFormat::summarize: return "summarize";
    case PairFormat::ultrafeedback: return "ultrafeedback";
  }
  throw InternalError("unknown format of pairs");
}

std::string_view to_string(DropReason reason) {
  switch (reason) {
    case DropReason::bad_record: return "bad_record";
    case DropReason::no_common_prompt: return "no_common_prompt";
    case DropReason::further_turn: return "further_turn";
    case DropReason::empty_prompt: return "empty_prompt";
    case DropReason::empty_response: return "empty_response";
    case DropReason::equal_responses: return "equal_responses";
    case DropReason::tied_scores: return "tied_scores";
    case DropReason::one_response: return "one_response";
  }
  throw InternalError("unknown reason to drop a row");
}

Imported<ImportedPair> import_pair(PairFormat format, const JsonValue& row) {
  auto imported = import_format(format, row);
  auto* pair = std::get_if<ImportedPair>(&imported);
  if (pair == nullptr) return imported;
  if (format == PairFormat::trl || format == PairFormat::hh) read_further_columns(row, *pair);
  return finish_pair(std::move(*pair));
}

ImportedPrompt import_prompt(const JsonValue& row) {
  ImportedPrompt prompt{.prompt = read_prompt(row.field("prompt"))};
  read_id_and_group(row, prompt);
  if (prompt.group.empty()) prompt.group = group_of_prompt(prompt.prompt);
  return prompt;
}

Imported<ImportedDemonstration> import_demonstration(const JsonValue& row) {
  ImportedDemonstration demonstration{.prompt = read_prompt(row.field("prompt"))};
  demonstration.response = trimmed(find_response(row).text());
  read_id_and_group(row, demonstration);
  if (trimmed(demonstration.prompt).empty()) return DropReason::empty_prompt;
  if (demonstration.response.empty()) return DropReason::empty_response;
  if (demonstration.group.empty()) demonstration.group = group_of_prompt(demonstration.prompt);
  return demonstration;
}

}  // namespace westofn::io
