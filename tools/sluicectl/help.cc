// SPDX-License-Identifier: BSD-3-Clause
// --help, for all and for one verb. Single-threaded.
#include "tools/sluicectl/help.h"

#include <ostream>

#include "control/server/protocol.h"
#include "tools/sluicectl/table.h"

namespace sluice::ctl {
namespace {

using Kind = Argument::Kind;

constexpr const char* kGlobalOptions =
    "Options that every command takes:\n"
    "  --socket PATH  the director's control socket; default: $SLUICE_SOCKET or\n"
    "                 /run/sluice/control.sock\n"
    "  --json         the answer as JSON on one line (sessions: one line each)\n"
    "  --help         this text; after a command, that command's\n";
static_assert(control::kDefaultSocketPath == "/run/sluice/control.sock");

}  // namespace

std::string shape(const Argument& argument) {
  switch (argument.kind) {
    case Kind::kPlace:
    case Kind::kOptionalPlace:
      return argument.name;
    case Kind::kSwitch:
      return std::string("--") + argument.name;
    default:
      return std::string("--") + argument.name + " " + argument.value;
  }
}

std::string synopsis(const Verb& verb) {
  std::string text = "sluicectl " + std::string(verb.name);
  for (const Argument& argument : verb.arguments) {
    const std::string one = shape(argument);
    text += argument.is_needed() ? " " + one : " [" + one + "]";
  }
  return text;
}

void print_help(std::ostream& out) {
  out << "Usage: sluicectl [--socket PATH] [--json] COMMAND [ARGUMENTS]\n\n"
         "Speaks with a running sluiced. An edit is checked as a whole and applied to all workers\n"
         "or not at all; it lasts until the next reload or restart unless you save it.\n\n"
         "Commands:\n";
  Table commands({Align::kLeft, Align::kLeft});
  for (const Verb& verb : all_verbs()) {
    commands.add({"  " + std::string(verb.name), std::string(verb.summary)});
  }
  commands.print(out);
  out << '\n'
      << kGlobalOptions
      << "\nExamples:\n"
         "  sluicectl status                                 how is it, and what needs attention\n"
         "  sluicectl service add web --vip 192.0.2.10:80    a service, then a server for it\n"
         "  sluicectl server add web 10.0.0.3:80 --weight 2\n"
         "  sluicectl server set web 10.0.0.3:80 --weight 0  drain it before maintenance\n"
         "  sluicectl save --write                           keep the edits\n"
         "  sluicectl help service add                       one command explained\n"
         "\nExit status: 0 done, 1 the director refused, 2 wrong usage or local file,\n"
         "3 the director cannot be reached, 4 diff --exit-code found changes.\n";
}

void print_help(std::ostream& out, const Verb& verb) {
  out << "Usage: " << synopsis(verb) << "\n\n" << verb.summary << "\n\n";
  if (!verb.arguments.empty()) {
    Table arguments({Align::kLeft, Align::kLeft});
    for (const Argument& argument : verb.arguments) {
      arguments.add({"  " + shape(argument), argument.help});
    }
    arguments.print(out);
    out << '\n';
  }
  out << kGlobalOptions << "\nExamples:\n" << verb.examples;
}

}  // namespace sluice::ctl
