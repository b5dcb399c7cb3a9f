// SPDX-License-Identifier: Apache-2.0
#include "io/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "util/error.h"
#include "util/text.h"

namespace westofn::io {
namespace {

using nlohmann::json;

[[noreturn]] void fail_at(std::string_view text, std::size_t offset, const TextPlace& place, const std::string& what) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  TextPlace at = place;
  at.line = std::max<std::int64_t>(place.line, 1) + std::count(before.begin(), before.end(), '\n');
  throw DataError(at.describe() + ": not valid JSON at column " + std::to_string(offset - line_start + 1) + ": " +
                  printable(what, 300));
}

/// Builds the value while the text is read, and stops at what a plain parser would let pass.
class StrictBuilder : public nlohmann::json_sax<json> {
 public:
  explicit StrictBuilder(std::string_view text, const TextPlace& place) : text_(text), place_(place) {}

  json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }  // never called for text
  bool start_object(std::size_t /*elements*/) override { return open(json::object()); }
  bool start_array(std::size_t /*elements*/) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    const auto [member, is_new] = open_.back()->get_ref<json::object_t&>().emplace(name, nullptr);
    if (!is_new)
      throw DataError(place_.describe() + ": the key \"" + printable(name) + "\" stands twice in one object");
    member_ = &member->second;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/, const json::exception& error) override {
    std::string_view what = error.what();
    what.remove_prefix(std::min(what.find("] ") + 2, what.size()));
    if (what.starts_with("parse error at line")) what.remove_prefix(what.find(": ") + 2);
    fail_at(text_, position > 0 ? position - 1 : 0, place_, std::string(what));
  }

 private:
  template <class Value>
  bool add(Value&& value) {
    place_for_next() = std::forward<Value>(value);
    return true;
  }

  bool open(json container) {
    if (open_.size() == json_depth_limit) {
      throw DataError(place_.describe() + ": more than " + std::to_string(json_depth_limit) +
                      " JSON containers within one another");
    }
    json& place = place_for_next();
    place = std::move(container);
    open_.push_back(&place);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  json& place_for_next() {
    if (open_.empty()) return root_;
    if (open_.back()->is_array()) return open_.back()->emplace_back();
    return *member_;
  }

  std::string_view text_;
  const TextPlace& place_;
  json root_;
  std::vector<json*> open_;  // the containers around the next value, outermost first
  json* member_ = nullptr;   // the value of the key that was read last
};

std::string describe_type(const json& value) {
  switch (value.type()) {
    case json::value_t::object: return "an object";
    case json::value_t::array: return "a list";
    case json::value_t::string: return "a string";
    case json::value_t::boolean: return value.get<bool>() ? "true" : "false";
    case json::value_t::null: return "null";
    default: return "the number " + value.dump();
  }
}

}  // namespace

std::string TextPlace::describe() const { return line > 0 ? file + ":" + std::to_string(line) : file; }

nlohmann::json parse_json(std::string_view text, const TextPlace& place) {
  // The lexer would take a zero byte for the end of the text and skip a byte order mark.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) fail_at(text, zero, place, "zero byte");
  if (text.starts_with("\xEF\xBB\xBF")) fail_at(text, 0, place, "byte order mark");
  StrictBuilder builder(text, place);
  json::sax_parse(text, &builder);
  return builder.take();
}

JsonValue JsonValue::field(std::string_view key) const {
  if (!value_->is_object()) fail_type("an object");
  const auto member = value_->find(key);
  const std::string path = path_.empty() ? printable(key) : path_ + "." + printable(key);
  if (member == value_->end()) JsonValue(*this, *value_, path).fail("is missing");
  return {*this, *member, path};
}

std::optional<JsonValue> JsonValue::find(std::string_view key) const {
  if (!value_->is_object()) fail_type("an object");
  const auto member = value_->find(key);
  if (member == value_->end() || member->is_null()) return std::nullopt;
  return field(key);
}

std::vector<JsonValue> JsonValue::items() const {
  if (!value_->is_array()) fail_type("a list");
  std::vector<JsonValue> items;
  items.reserve(value_->size());
  for (const auto& item : *value_) {
    items.push_back(JsonValue(*this, item, path_ + "[" + std::to_string(items.size()) + "]"));
  }
  return items;
}

std::vector<std::string> JsonValue::keys() const {
  if (!value_->is_object()) fail_type("an object");
  std::vector<std::string> keys;
  for (const auto& [key, ignored] : value_->items()) keys.push_back(key);
  return keys;
}

bool JsonValue::is_list() const { return value_->is_array(); }
bool JsonValue::is_text() const { return value_->is_string(); }

const std::string& JsonValue::text() const {
  if (!value_->is_string()) fail_type("a string");
  return value_->get_ref<const std::string&>();
}

bool JsonValue::boolean() const {
  if (!value_->is_boolean()) fail_type("true or false");
  return value_->get<bool>();
}

double JsonValue::number() const {
  if (!value_->is_number()) fail_type("a number");
  return value_->get<double>();
}

std::int64_t JsonValue::integer() const {
  if (!value_->is_number_integer() || (value_->is_number_unsigned() && value_->get<std::uint64_t>() > INT64_MAX)) {
    fail_type("an integer of 64 bits");
  }
  return value_->get<std::int64_t>();
}

std::uint64_t JsonValue::count() const {
  if (!value_->is_number_integer() || (!value_->is_number_unsigned() && value_->get<std::int64_t>() < 0)) {
    fail_type("an integer that is not negative");
  }
  return value_->get<std::uint64_t>();
}

std::string JsonValue::id() const {
  if (value_->is_number_integer()) return value_->dump();
  if (!value_->is_string()) fail_type("an id (a string or an integer)");
  if (text().empty()) fail("an id must not be empty; leave the key out if there is none");
  return text();
}

void JsonValue::fail(std::string_view message) const {
  const std::string field = path_.empty() ? "" : "field '" + path_ + "': ";
  throw DataError(place_->describe() + ": " + field + std::string(message));
}

void JsonValue::fail_type(std::string_view expected) const {
  fail("expected " + std::string(expected) + ", found " + describe_type(*value_));
}

}  // namespace westofn::io
