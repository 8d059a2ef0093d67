// SPDX-License-Identifier: BSD-3-Clause
// Command line words to named values, by Boost.Program_options. Single-threaded.
#include "tools/sluicectl/options.h"

#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/variables_map.hpp>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "control/server/protocol.h"

namespace sluice::ctl {
namespace {

namespace po = boost::program_options;
using Kind = Argument::Kind;
using Words = std::vector<std::string>;

struct Description {
  po::options_description options;
  po::positional_options_description places;
};

Description describe(std::span<const Argument> arguments) {
  Description description;
  description.options.add_options()("socket", po::value<Words>());
  description.options.add_options()("json", po::bool_switch());
  description.options.add_options()("help,h", po::bool_switch());
  for (const Argument& argument : arguments) {
    if (argument.kind == Kind::kSwitch) {
      description.options.add_options()(argument.name, po::bool_switch());
    } else if (argument.kind == Kind::kTimeouts) {
      description.options.add_options()(argument.name, po::value<Words>()->composing());
    } else {
      description.options.add_options()(argument.name, po::value<Words>());
    }
    if (argument.kind == Kind::kPlace || argument.kind == Kind::kOptionalPlace) {
      description.places.add(argument.name, 1);
    }
  }
  return description;
}

// Not po::value<uint32_t>: that takes -1 for 4294967295.
std::optional<uint32_t> to_number(const std::string& text) {
  uint32_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc{} && parsed.ptr == end ? std::optional(number) : std::nullopt;
}

Status check(const Argument& argument, const Options& options) {
  const std::string option = std::string("--") + argument.name;
  if (!options.has(argument.name) || argument.kind == Kind::kSwitch) {
    return {};
  }
  if (argument.kind != Kind::kTimeouts && options.texts(argument.name).size() > 1) {
    return fail(option + " is given twice");
  }
  if (argument.is_number() && !to_number(options.text(argument.name))) {
    return fail(option + " " + options.text(argument.name) + ": must be a number, 0 or more");
  }
  return {};
}

}  // namespace

Result<Options> Options::parse(const Words& words, std::span<const Argument> arguments) try {
  const Description description = describe(arguments);
  // No guessing: a script must not change its meaning when an option is added.
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::variables_map values;
  po::store(po::command_line_parser(words)
                .options(description.options)
                .positional(description.places)
                .style(style)
                .run(),
            values);
  Options options;
  for (const auto& [name, value] : values) {
    if (const auto* texts = boost::any_cast<Words>(&value.value()); texts != nullptr) {
      options.given_.emplace(name, *texts);
    } else if (value.as<bool>()) {
      options.given_.emplace(name, Words{});
    }
  }
  for (const Argument& argument : arguments) {
    if (const Status status = check(argument, options); !status) {
      return tl::unexpected(status.error());
    }
  }
  return options;
} catch (const po::too_many_positional_options_error&) {
  return fail("more words than the command takes");
} catch (const po::error& error) {
  return fail(error.what());
}

const Words& Options::texts(std::string_view name) const { return given_.find(name)->second; }

uint32_t Options::number(std::string_view name) const {
  return to_number(text(name)).value_or(0);  // check() let nothing else pass
}

std::string Options::socket_path() const {
  if (has("socket")) {
    return texts("socket").back();
  }
  const char* from_environment = std::getenv("SLUICE_SOCKET");
  return from_environment != nullptr && *from_environment != '\0'
             ? from_environment
             : std::string(control::kDefaultSocketPath);
}

}  // namespace sluice::ctl
