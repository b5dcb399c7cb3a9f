// SPDX-License-Identifier: Apache-2.0
#include "config/parse_yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_set>
#include <utility>
#include <vector>

#include "util/error.h"
#include "util/text.h"

namespace westofn::config {
namespace {

/// Where a mark stands, for messages.
class Places {
 public:
  static Places in_file(std::string name) { return Places(std::move(name), Kind::file); }
  static Places fixed(std::string place) { return Places(std::move(place), Kind::fixed); }

  [[nodiscard]] std::string at(int line, int column) const {
    if (kind_ == Kind::fixed) return name_;
    return name_ + ":" + std::to_string(line + 1) + ":" + std::to_string(column + 1);
  }
  [[nodiscard]] std::string at(const YAML::Mark& mark) const {
    return mark.is_null() ? name_ : at(mark.line, mark.column);
  }
  /// The place of a byte, for what is refused before the parser sees it.
  [[nodiscard]] std::string at_offset(std::string_view text, std::size_t offset) const {
    const std::string_view before = text.substr(0, offset);
    const auto line = std::count(before.begin(), before.end(), '\n');
    const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    return at(static_cast<int>(line), static_cast<int>(offset - line_start));
  }

 private:
  enum class Kind { file, fixed };
  Places(std::string name, Kind kind) : name_(std::move(name)), kind_(kind) {}

  std::string name_;
  Kind kind_;
};

[[noreturn]] void refuse(const std::string& place, const std::string& reason) {
  throw ConfigError(place + ": " + reason);
}

/// Builds the tree from the events of the parser. Events are used instead of YAML::Node because only they show
/// anchors, tags and duplicate keys.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const Places& places) : places_(places) {}

  [[nodiscard]] Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    if (expects_key()) refuse(places_.at(mark), "a key is missing before ':'; perhaps a bracket is not closed");
    attach(make(Node::Kind::null, mark));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(places_.at(mark), "aliases (*name) are not allowed; write the value again");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    if (tag != "?" && tag != "!") refuse_tag(mark);  // what the parser says of plain and of quoted scalars
    if (find_invalid_utf8(value)) {                  // yaml-cpp makes single bytes of \N and \_
      refuse(places_.at(mark), "an escape here is not understood; write the character itself or \\uXXXX");
    }
    if (expects_key()) return take_key(mark, value);
    Node node = make(Node::Kind::scalar, mark);
    node.text = value;
    node.quoted = tag == "!";
    attach(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    std::unordered_set<std::string> keys{};
    bool has_key = false;  ///< a key was read and waits for its value
    std::string key{};
    std::string key_place{};
  };

  [[nodiscard]] Node make(Node::Kind kind, const YAML::Mark& mark) const {
    Node node;
    node.kind = kind;
    node.place = places_.at(mark);
    return node;
  }

  [[nodiscard]] bool expects_key() const {
    return !open_.empty() && open_.back().node.kind == Node::Kind::map && !open_.back().has_key;
  }

  void take_key(const YAML::Mark& mark, const std::string& key) {
    Open& map = open_.back();
    if (!map.keys.insert(key).second) refuse(places_.at(mark), "the key '" + printable(key) + "' stands here twice");
    map.has_key = true;
    map.key = key;
    map.key_place = places_.at(mark);
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse_anchor(mark, anchor);
    if (tag != "?") refuse_tag(mark);
    if (expects_key())
      refuse(places_.at(mark), "a key must be a plain name, not a list or a map; perhaps a bracket is not closed");
    if (open_.size() >= max_depth) {
      refuse(places_.at(mark), "lists and maps are nested more than " + std::to_string(max_depth) + " deep");
    }
    open_.push_back(Open{.node = make(kind, mark)});
  }

  void close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    attach(std::move(node));
  }

  void attach(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::Kind::map) {
      node.key = std::move(parent.key);
      node.key_place = std::move(parent.key_place);
      if (node.kind == Node::Kind::null) node.place = node.key_place;  // the parser gives where the next thing starts
      parent.has_key = false;
    }
    parent.node.children.push_back(std::move(node));
  }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) const {
    if (anchor != YAML::NullAnchor) refuse(places_.at(mark), "anchors (&name) are not allowed; write the value again");
  }
  [[noreturn]] void refuse_tag(const YAML::Mark& mark) const {
    refuse(places_.at(mark), "tags (!name) are not allowed; types follow from the keys");
  }

  const Places& places_;
  Node root_;
  std::vector<Open> open_;
};

/// What the parser would misread or what must not reach a message.
void check_bytes(std::string_view text, const Places& places) {
  if (text.size() > max_document_bytes) {
    refuse(places.at_offset(text, 0), "has " + human_bytes(text.size()) + "; at most " +
                                          human_bytes(max_document_bytes) + " are read as settings");
  }
  if (const auto bad = find_invalid_utf8(text)) refuse(places.at_offset(text, *bad), "not valid UTF-8");
  const auto control = std::find_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f;
  });
  if (control != text.end()) {
    refuse(places.at_offset(text, static_cast<std::size_t>(control - text.begin())),
           "the control character " + printable({&*control, 1}) + " is not allowed");
  }
}

Node parse(std::string_view text, const Places& places) {
  check_bytes(text, places);
  // yaml-cpp takes the end of the text for the end of an open quote, but only behind a line break: so end in a comment.
  std::istringstream stream{std::string(text) + (text.ends_with('\n') ? "#" : "\n#")};
  TreeBuilder builder(places);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      Node empty;
      empty.place = places.at(0, 0);
      return empty;
    }
    Node root = builder.take();
    TreeBuilder second(places);
    if (parser.HandleNextDocument(second)) refuse(places.at(0, 0), "holds more than one YAML document");
    return root;
  } catch (const YAML::Exception& error) {
    refuse(places.at(error.mark), "not valid YAML: " + printable(error.msg));
  }
}

}  // namespace

Node parse_yaml(std::string_view text, const std::string& name) { return parse(text, Places::in_file(name)); }

Node parse_yaml_value(std::string_view text, const std::string& place) { return parse(text, Places::fixed(place)); }

}  // namespace westofn::config
