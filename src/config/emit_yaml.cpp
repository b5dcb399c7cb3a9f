// SPDX-License-Identifier: Apache-2.0
#include "config/emit_yaml.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <utility>

#include "util/error.h"
#include "util/text.h"

namespace westofn::config {
namespace {

constexpr std::size_t longest_inline_list = 100;

/// Words that some YAML version takes for a null or a truth value.
bool is_reserved(std::string_view text) {
  static constexpr std::array<std::string_view, 7> words = {"null", "true", "false", "yes", "no", "on", "off"};
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::find(words.begin(), words.end(), lower) != words.end();
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool may_stand_plain(std::string_view text) {
  if (text.empty() || is_reserved(text) || text.back() == ' ') return false;
  if (!is_letter(text.front()) && text.front() != '/' && text.front() != '_') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || std::string_view("_./+- ").find(c) != std::string_view::npos;
  });
}

/// Line breaks and marks outside of ASCII that YAML readers fold or refuse, as escapes.
std::string_view unicode_escape(std::string_view rest) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> table = {{
      {"\xE2\x80\xA8", "\\u2028"},
      {"\xE2\x80\xA9", "\\u2029"},
      {"\xEF\xBB\xBF", "\\uFEFF"},
      {"\xEF\xBF\xBE", "\\uFFFE"},
      {"\xEF\xBF\xBF", "\\uFFFF"},
  }};
  for (const auto& [bytes, escape] : table) {
    if (rest.starts_with(bytes)) return escape;
  }
  return {};
}

std::string hex_escape(char c) {
  std::array<char, 5> text{};
  std::snprintf(text.data(), text.size(), "\\x%02X", static_cast<unsigned char>(c));
  return text.data();
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += hex_escape(c);
    } else if (byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0) {  // the controls U+0080 to U+009F
      out += hex_escape(text[++i]);
    } else if (const std::string_view escape = unicode_escape(text.substr(i)); !escape.empty()) {
      out += escape;
      i += 2;  // all of these have three bytes
    } else {
      out += c;
    }
  }
  return out + '"';
}

void emit_block(const Node& node, std::size_t indent, std::string& out);

void emit_entries(const Node& map, std::size_t indent, std::string& out) {
  for (const Node& child : map.children) {
    out += std::string(indent, ' ') + emit_text(child.key) + ":";
    if (fits_inline(child)) {
      out += " " + emit_inline(child) + "\n";
    } else {
      out += "\n";
      emit_block(child, indent + 2, out);
    }
  }
}

void emit_items(const Node& list, std::size_t indent, std::string& out) {
  for (const Node& child : list.children) {
    if (fits_inline(child)) {
      out += std::string(indent, ' ') + "- " + emit_inline(child) + "\n";
    } else {
      const std::size_t start = out.size();
      emit_block(child, indent + 2, out);
      out[start + indent] = '-';  // in the indentation of the first line
    }
  }
}

void emit_block(const Node& node, std::size_t indent, std::string& out) {
  if (node.kind == Node::Kind::map) {
    emit_entries(node, indent, out);
  } else {
    emit_items(node, indent, out);
  }
}

}  // namespace

std::string emit_text(std::string_view text) {
  WESTOFN_CHECK(!find_invalid_utf8(text), "a text of the settings is not valid UTF-8");
  return may_stand_plain(text) ? std::string(text) : quoted(text);
}

bool fits_inline(const Node& node) {
  if (node.kind == Node::Kind::map) return node.children.empty();
  std::size_t length = 0;
  for (const Node& child : node.children) {
    if (!child.children.empty()) return false;
    length += child.text.size() + 2;
  }
  return length <= longest_inline_list;
}

std::string emit_inline(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null: return "null";
    case Node::Kind::scalar: return node.quoted ? emit_text(node.text) : node.text;
    case Node::Kind::map: return "{}";
    case Node::Kind::list: break;
  }
  std::vector<std::string> items;
  for (const Node& child : node.children) items.push_back(emit_inline(child));
  return "[" + join_text(items, ", ") + "]";
}

std::string emit_yaml(const Node& node, std::size_t indent) {
  std::string out;
  emit_block(node, indent, out);
  return out.empty() ? "{}\n" : out;
}

}  // namespace westofn::config
