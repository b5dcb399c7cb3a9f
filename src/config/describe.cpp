// SPDX-License-Identifier: Apache-2.0
#include "config/describe.h"

#include "config/emit_yaml.h"

namespace westofn::config {
namespace {

using Presence = FieldDescription::Presence;
using Nesting = FieldDescription::Nesting;

/// Puts `prefix` before every line; the first line gets `first` instead.
std::string prefixed(const std::string& lines, std::string_view first, std::string_view prefix) {
  std::string out;
  std::size_t begin = 0;
  while (begin < lines.size()) {
    const std::size_t end = lines.find('\n', begin) + 1;
    out += begin == 0 ? first : prefix;
    out += lines.substr(begin, end - begin);
    begin = end;
  }
  return out;
}

std::string format_field(const FieldDescription& field) {
  const bool is_section = field.nesting == Nesting::section && !field.fields.empty();
  const bool is_required = field.presence == Presence::required;
  const bool is_block = !fits_inline(field.default_value);
  std::string out = emit_text(field.key) + ":";
  if (!is_section && !is_required && !is_block) out += " " + emit_inline(field.default_value);
  out += "  # " + field.type + (is_required ? ", required: " : ": ") + field.help + "\n";
  if (!is_section && !is_required && is_block) out += emit_yaml(field.default_value, 2);
  const std::string below = format_template(field.fields);
  switch (field.nesting) {
    case Nesting::none: break;
    case Nesting::section: out += prefixed(below, "  ", "  "); break;
    case Nesting::optional_section: out += prefixed(below, "  # ", "  # "); break;
    case Nesting::list_element: out += prefixed(below, "  # - ", "  #   "); break;
    case Nesting::named_element: out += "  # NAME:\n" + prefixed(below, "  #   ", "  #   "); break;
  }
  return out;
}

}  // namespace

std::string format_template(const std::vector<FieldDescription>& fields) {
  std::string out;
  for (const FieldDescription& field : fields) out += format_field(field);
  return out;
}

}  // namespace westofn::config
