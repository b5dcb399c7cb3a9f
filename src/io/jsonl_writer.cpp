// SPDX-License-Identifier: Apache-2.0
#include "io/jsonl_writer.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "util/error.h"

namespace westofn::io {
namespace {

using nlohmann::ordered_json;

/// The library would write null for these.
bool has_non_finite_number(const ordered_json& value) {
  if (value.is_number_float()) return !std::isfinite(value.get<double>());
  return value.is_structured() && std::any_of(value.begin(), value.end(), has_non_finite_number);
}

}  // namespace

void JsonlWriter::write(const ordered_json& row) {
  WESTOFN_CHECK(row.is_object(), "a row is a JSON object");
  const std::string place = path_ + ":" + std::to_string(rows_ + 1);
  if (has_non_finite_number(row)) {
    throw DataError(place + ": a number to be written is NaN or infinite, which JSON cannot hold");
  }
  try {
    file_.append(row.dump() + "\n");
    ++rows_;
  } catch (const nlohmann::json::type_error&) {  // the only cause left: text that is not UTF-8
    throw DataError(place + ": a text to be written is not valid UTF-8");
  }
}

}  // namespace westofn::io
