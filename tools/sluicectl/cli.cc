// SPDX-License-Identifier: BSD-3-Clause
// Finds the verb, reads its arguments and runs it. Single-threaded.
#include "tools/sluicectl/cli.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <optional>
#include <ostream>

#include "tools/sluicectl/help.h"
#include "tools/sluicectl/run.h"

namespace sluice::ctl {
namespace {

using Kind = Argument::Kind;
using Words = std::vector<std::string>;

// Where the verb's words are in a command line, whatever options stand before them.
struct FoundVerb {
  const Verb* verb = nullptr;
  Words rest;         // all words but the verb's
  std::string words;  // what was given as a verb, for messages
};

FoundVerb find_verb(const Words& words) {
  FoundVerb found;
  size_t at = 0;
  while (at < words.size() && words[at].starts_with("-")) {
    at += words[at] == "--socket" ? 2 : 1;
  }
  if (at >= words.size()) {
    found.rest = words;
    return found;
  }
  const std::string one = words[at];
  const std::string two = at + 1 < words.size() ? one + " " + words[at + 1] : one;
  for (const Verb& verb : all_verbs()) {
    if (verb.name == one || verb.name == two) {
      found.verb = &verb;
      found.words = verb.name;
      const size_t end = at + (verb.name == one ? 1 : 2);
      found.rest.assign(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(at));
      found.rest.insert(found.rest.end(), words.begin() + static_cast<std::ptrdiff_t>(end),
                        words.end());
      return found;
    }
  }
  found.words = two.find(" -") == std::string::npos ? two : one;
  return found;
}

// "service": the verbs that begin so, for somebody who typed half of one.
std::string verbs_like(const std::string& words) {
  const std::string first = words.substr(0, words.find(' '));
  std::string text;
  for (const Verb& verb : all_verbs()) {
    if (verb.name.substr(0, verb.name.find(' ')) == first) {
      text += (text.empty() ? "" : ", ") + std::string(verb.name);
    }
  }
  return text;
}

Exit unknown_verb(const std::string& words, std::ostream& err) {
  const std::string near = verbs_like(words);
  err << "sluicectl: no command \"" << words << "\"; "
      << (near.empty() ? "\"sluicectl help\" lists them" : "there are: " + near) << '\n';
  return Exit::kUsage;
}

const Argument* missing_argument(const Verb& verb, const Options& options) {
  const auto found = std::ranges::find_if(verb.arguments, [&](const Argument& argument) {
    return argument.is_needed() && !options.has(argument.name);
  });
  return found == verb.arguments.end() ? nullptr : &*found;
}

Exit help(const Options& options, std::ostream& out, std::ostream& err) {
  if (!options.has("COMMAND")) {
    print_help(out);
    return Exit::kOk;
  }
  Words words = {options.text("COMMAND")};
  if (options.has("SUBCOMMAND")) {
    words.push_back(options.text("SUBCOMMAND"));
  }
  const FoundVerb found = find_verb(words);
  if (found.verb == nullptr || !found.rest.empty()) {
    return unknown_verb(words.size() == 2 ? words[0] + " " + words[1] : words[0], err);
  }
  print_help(out, *found.verb);
  return Exit::kOk;
}

Exit run_verb(const Verb& verb, const Options& options, std::ostream& out, std::ostream& err) {
  if (verb.name == "help") {
    return help(options, out, err);
  }
  if (const Argument* missing = missing_argument(verb, options); missing != nullptr) {
    err << "sluicectl: " << shape(*missing) << " is missing; usage: " << synopsis(verb) << '\n';
    return Exit::kUsage;
  }
  Client client(options.socket_path());
  const Invocation invocation{client, options, out, err};
  return verb.run != nullptr ? verb.run(verb, invocation) : ask_and_show(verb, invocation);
}

Result<Json> read_timeouts(const Words& given) {
  Json timeouts = Json::object();
  for (const std::string& one : given) {
    const size_t equals = one.find('=');
    uint32_t seconds = 0;
    const char* end = one.data() + one.size();
    const auto parsed = equals == std::string::npos
                            ? std::from_chars_result{one.data(), std::errc::invalid_argument}
                            : std::from_chars(one.data() + equals + 1, end, seconds);
    if (parsed.ec != std::errc{} || parsed.ptr != end) {
      return fail("--timeout " + one + ": must be STATE=SECONDS, e.g. established=900");
    }
    timeouts[one.substr(0, equals)] = seconds;
  }
  return timeouts;
}

}  // namespace

Result<Json> params_of(const Verb& verb, const Invocation& invocation) {
  const Options& options = invocation.options;
  Json params = Json::object();
  for (const Argument& argument : verb.arguments) {
    if (argument.param == nullptr || !options.has(argument.name)) {
      continue;
    }
    if (argument.is_number()) {
      params[argument.param] = options.number(argument.name);
    } else if (argument.kind == Kind::kTimeouts) {
      Result<Json> timeouts = read_timeouts(options.texts(argument.name));
      if (!timeouts) {
        return timeouts;
      }
      params[argument.param] = *std::move(timeouts);
    } else {
      params[argument.param] = options.text(argument.name);
    }
  }
  return params;
}

Exit run(const Words& words, std::ostream& out, std::ostream& err) try {
  const FoundVerb found = find_verb(words);
  const bool wants_help = std::ranges::any_of(
      words, [](const std::string& word) { return word == "--help" || word == "-h"; });
  if (wants_help && (found.verb != nullptr || found.words.empty())) {
    // Before anything is checked: who asks for help has not finished the line.
    found.verb != nullptr ? print_help(out, *found.verb) : print_help(out);
    return Exit::kOk;
  }
  if (found.verb == nullptr && !found.words.empty()) {
    return unknown_verb(found.words, err);
  }
  const auto options = Options::parse(
      found.rest, found.verb != nullptr ? found.verb->arguments : std::span<const Argument>());
  if (!options) {
    err << "sluicectl: " << options.error().message << "; \"sluicectl"
        << (found.verb != nullptr ? " " + found.words : "") << " --help\" explains\n";
    return Exit::kUsage;
  }
  if (found.verb == nullptr) {
    print_help(err);
    return Exit::kUsage;
  }
  return run_verb(*found.verb, *options, out, err);
} catch (const std::exception& error) {
  err << "sluicectl: cannot understand the director's answer (" << error.what()
      << "); are sluicectl and sluiced of one version?\n";
  return Exit::kUnreachable;
}

}  // namespace sluice::ctl
