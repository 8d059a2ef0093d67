// SPDX-License-Identifier: BSD-3-Clause
// Finds the verb, reads its arguments and runs it. Single-threaded.
#include "tools/sluicectl/cli.h"

#include <algorithm>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <optional>
#include <ostream>

#include "control/server/protocol.h"
#include "tools/sluicectl/help.h"
#include "tools/sluicectl/run.h"

namespace sluice::ctl {
namespace {

namespace po = boost::program_options;
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

po::options_description global_options() {
  const char* from_environment = std::getenv("SLUICE_SOCKET");
  const std::string path = from_environment != nullptr && *from_environment != '\0'
                               ? from_environment
                               : std::string(control::kDefaultSocketPath);
  po::options_description options;
  options.add_options()("socket", po::value<std::string>()->default_value(path));
  options.add_options()("json", po::bool_switch());
  options.add_options()("help,h", po::bool_switch());
  return options;
}

void add_argument(const Argument& argument, po::options_description& options,
                  po::positional_options_description& places) {
  switch (argument.kind) {
    case Kind::kPlace:
    case Kind::kOptionalPlace:
      options.add_options()(argument.name, po::value<std::string>());
      places.add(argument.name, 1);
      break;
    case Kind::kText:
    case Kind::kNeededText:
      options.add_options()(argument.name, po::value<std::string>());
      break;
    case Kind::kNumber:
    case Kind::kNeededNumber:
      options.add_options()(argument.name, po::value<uint32_t>());
      break;
    case Kind::kTimeouts:
      options.add_options()(argument.name, po::value<Words>()->composing());
      break;
    case Kind::kSwitch:
      options.add_options()(argument.name, po::bool_switch());
      break;
  }
}

po::variables_map parse(const Words& words, const Verb* verb) {
  po::options_description options = global_options();
  po::positional_options_description places;
  if (verb != nullptr) {
    for (const Argument& argument : verb->arguments) {
      add_argument(argument, options, places);
    }
  }
  // No guessing: a script must not change its meaning when an option is added.
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::variables_map values;
  po::store(po::command_line_parser(words).options(options).positional(places).style(style).run(),
            values);
  po::notify(values);
  return values;
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

const Argument* missing_argument(const Verb& verb, const po::variables_map& values) {
  const auto found = std::ranges::find_if(verb.arguments, [&](const Argument& argument) {
    return argument.is_needed() && values.count(argument.name) == 0;
  });
  return found == verb.arguments.end() ? nullptr : &*found;
}

Exit help(const po::variables_map& values, std::ostream& out, std::ostream& err) {
  if (values.count("COMMAND") == 0) {
    print_help(out);
    return Exit::kOk;
  }
  Words words = {values["COMMAND"].as<std::string>()};
  if (values.count("SUBCOMMAND") != 0) {
    words.push_back(values["SUBCOMMAND"].as<std::string>());
  }
  const FoundVerb found = find_verb(words);
  if (found.verb == nullptr || !found.rest.empty()) {
    return unknown_verb(words.size() == 2 ? words[0] + " " + words[1] : words[0], err);
  }
  print_help(out, *found.verb);
  return Exit::kOk;
}

Exit run_verb(const Verb& verb, const po::variables_map& values, std::ostream& out,
              std::ostream& err) {
  if (verb.name == "help") {
    return help(values, out, err);
  }
  if (const Argument* missing = missing_argument(verb, values); missing != nullptr) {
    err << "sluicectl: " << shape(*missing) << " is missing; usage: " << synopsis(verb) << '\n';
    return Exit::kUsage;
  }
  Client client(values["socket"].as<std::string>());
  const Invocation invocation{client, values, values["json"].as<bool>(), out, err};
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
  Json params = Json::object();
  for (const Argument& argument : verb.arguments) {
    if (argument.param == nullptr || !invocation.has(argument.name)) {
      continue;
    }
    if (argument.kind == Kind::kNumber || argument.kind == Kind::kNeededNumber) {
      params[argument.param] = invocation.values[argument.name].as<uint32_t>();
    } else if (argument.kind == Kind::kTimeouts) {
      Result<Json> timeouts = read_timeouts(invocation.values[argument.name].as<Words>());
      if (!timeouts) {
        return timeouts;
      }
      params[argument.param] = *std::move(timeouts);
    } else {
      params[argument.param] = invocation.text(argument.name);
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
  const po::variables_map values = parse(found.rest, found.verb);
  if (found.verb == nullptr) {
    print_help(err);
    return Exit::kUsage;
  }
  return run_verb(*found.verb, values, out, err);
} catch (const po::error& error) {
  err << "sluicectl: " << error.what() << "; \"sluicectl --help\" explains\n";
  return Exit::kUsage;
} catch (const std::exception& error) {
  err << "sluicectl: cannot understand the director's answer (" << error.what()
      << "); are sluicectl and sluiced of one version?\n";
  return Exit::kUnreachable;
}

}  // namespace sluice::ctl
