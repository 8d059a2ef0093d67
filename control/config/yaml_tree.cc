// SPDX-License-Identifier: BSD-3-Clause
// Drives yaml-cpp's event parser, so that depth, size and aliases are bounded while reading.
// Control thread.
#include "control/config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>
#include <utility>

#include "control/config/spelling.h"

namespace sluice::config {
namespace {

/// Ends a parse from inside yaml-cpp; caught in parse_yaml().
struct Refusal {
  Place place;
  std::string message;
};

Place place_of(const YAML::Mark& mark) {
  return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1};
}

/// Builds the tree from events. Open lists and maps wait on a stack until they end.
class TreeBuilder : public YAML::EventHandler {
 public:
  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    add(Node{.kind = Node::Kind::kNull, .place = place_of(mark), .entries = {}});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refusal{place_of(mark), "aliases (*name) are not supported; write the value out"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string& value) override {
    add(Node{.kind = Node::Kind::kScalar, .place = place_of(mark), .text = value, .entries = {}});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::kList, mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::kMap, mark);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    std::optional<Entry> pending;  // a map's key that waits for its value
  };

  void open(Node::Kind kind, const YAML::Mark& mark) {
    if (open_.size() == kMaxDepth) {
      throw Refusal{place_of(mark), "nested deeper than " + std::to_string(kMaxDepth) + " levels"};
    }
    if (!open_.empty() && open_.back().node.kind == Node::Kind::kMap && !open_.back().pending) {
      throw Refusal{place_of(mark), "a key must be a word; is a closing \"}\" or \"]\" missing?"};
    }
    open_.push_back({Node{.kind = kind, .place = place_of(mark), .entries = {}}, std::nullopt});
  }

  void close() {
    Node done = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(done));
  }

  void add(Node node) {
    if (++nodes_ > kMaxNodes) {
      throw Refusal{node.place, "more than " + std::to_string(kMaxNodes) + " values"};
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& [parent, pending] = open_.back();
    if (parent.kind == Node::Kind::kList) {
      parent.items.push_back(std::move(node));
    } else if (!pending) {
      pending = Entry{std::move(node.text), node.place, {}};
    } else {
      if (node.kind == Node::Kind::kNull) {
        node.place = pending->place;  // yaml-cpp says where the next key stands
      }
      pending->value = std::move(node);
      parent.entries.push_back(*std::exchange(pending, std::nullopt));
    }
  }

  Node root_;
  std::vector<Open> open_;
  size_t nodes_ = 0;
};

// yaml-cpp stops silently at a stray control byte and queues the tokens of a whole line: both are
// refused before it sees the text.
std::optional<Refusal> check_bytes(std::string_view text) {
  if (text.size() > kMaxFileBytes) {
    return Refusal{{}, "larger than " + std::to_string(kMaxFileBytes >> 20) + " MiB"};
  }
  Place place{1, 1};
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '\n') {
      place = {place.line + 1, 1};
      continue;
    }
    if ((byte < 0x20 && letter != '\t' && letter != '\r') || byte == 0x7f) {
      return Refusal{place, "not a text file: holds the byte " + in_quotes({&letter, 1})};
    }
    if (static_cast<size_t>(place.column++) > kMaxLineBytes) {
      return Refusal{{place.line, 1},
                     "line longer than " + std::to_string(kMaxLineBytes >> 10) + " KiB"};
    }
  }
  return std::nullopt;
}

Node parse_bounded(std::string_view text) {
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  TreeBuilder builder;
  if (!parser.HandleNextDocument(builder)) {
    return {};
  }
  Node root = builder.take_root();
  TreeBuilder second;
  if (parser.HandleNextDocument(second)) {
    throw Refusal{second.take_root().place, "a second document; only one per file is allowed"};
  }
  return root;
}

// yaml-cpp's words for the commonest slip, a tab before a key, lead nobody to it.
std::string syntax_message(std::string_view text, const YAML::Exception& error) {
  for (int line = 0; line < error.mark.line && !text.empty(); ++line) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  const std::string_view indent = text.substr(0, text.find_first_not_of(" \t"));
  if (indent.find('\t') != std::string_view::npos) {
    return "not valid YAML: a tab indents this line; use spaces";
  }
  return "not valid YAML: " + printable(error.msg);
}

/// Takes the next step ("servers" or index 1) off the front of a key path.
struct Step {
  std::string_view name;
  size_t index = 0;
};

std::optional<Step> take_step(std::string_view& key) {
  if (key.empty()) {
    return std::nullopt;
  }
  Step step;
  if (key.front() == '[') {
    const size_t close = key.find(']');
    std::from_chars(key.data() + 1, key.data() + std::min(close, key.size()), step.index);
    key.remove_prefix(close == std::string_view::npos ? key.size() : close + 1);
  } else {
    const size_t end = std::min(key.find_first_of(".["), key.size());
    step.name = key.substr(0, end);
    key.remove_prefix(end);
  }
  if (!key.empty() && key.front() == '.') {
    key.remove_prefix(1);
  }
  return step;
}

const Node* child_of(const Node& node, const Step& step) {
  if (step.name.empty()) {
    return step.index < node.items.size() ? &node.items[step.index] : nullptr;
  }
  const auto found = std::find_if(node.entries.begin(), node.entries.end(),
                                  [&](const Entry& entry) { return entry.key == step.name; });
  return found == node.entries.end() ? nullptr : &found->value;
}

}  // namespace

Checked<Node> parse_yaml(std::string_view text, const std::string& name) {
  const auto problem = [&](Place place, std::string message) {
    return tl::unexpected(Problems{{name, place.line, place.column, "", std::move(message)}});
  };
  if (const auto refusal = check_bytes(text)) {
    return problem(refusal->place, refusal->message);
  }
  try {
    return parse_bounded(text);
  } catch (const Refusal& refusal) {
    return problem(refusal.place, refusal.message);
  } catch (const YAML::Exception& error) {
    return problem(place_of(error.mark), syntax_message(text, error));
  } catch (const std::exception& error) {
    return problem({}, std::string("cannot be read: ") + error.what());
  }
}

Place find_place(const Node& root, std::string_view key) {
  const Node* node = &root;
  while (const auto step = take_step(key)) {
    const Node* child = child_of(*node, *step);
    if (child == nullptr) {
      break;
    }
    node = child;
  }
  return node->place;
}

}  // namespace sluice::config
