// SPDX-License-Identifier: BSD-3-Clause
// Results of the director as a human reads them. Single-threaded.
#pragma once

#include <array>
#include <cstddef>
#include <iosfwd>
#include <string>

#include "tools/sluicectl/verb.h"

namespace sluice::ctl {

void show_status(const Invocation& invocation, const Json& result);
void show_services(const Invocation& invocation, const Json& result);
void show_service(const Invocation& invocation, const Json& result);
void show_servers(const Invocation& invocation, const Json& result);
void show_snat(const Invocation& invocation, const Json& result);
/// A script for each real server, with comments.
void show_howto(std::ostream& out, const Json& result);
void show_counters(const Invocation& invocation, const Json& result);
void show_neighbours(const Invocation& invocation, const Json& result);
/// The outcome of an edit: what changed, one line each, and the generation.
void show_changes(const Invocation& invocation, const Json& result);
/// What would change, and whether that needs a restart.
void show_difference(std::ostream& out, const Json& result);

/// Sessions one a line, printed before the next page is known. Columns are as wide as IPv4 and the
/// first page need them, and grow with a longer cell: the longest IPv6 endpoint has 47 characters.
class SessionRows {
 public:
  explicit SessionRows(std::ostream& out) : out_(out) {}
  void header(const Json& first_page);
  void add(const Json& session);

 private:
  using Cells = std::array<std::string, 7>;
  static Cells cells(const Json& session);
  void widen(const Cells& cells);
  void print(const Cells& cells);

  std::ostream& out_;
  std::array<size_t, 6> widths_ = {4, 8, 11, 21, 21, 21};  // the last column has none
};

/// "3 d 4 h", "12 min 5 s"
[[nodiscard]] std::string duration(uint64_t seconds);

}  // namespace sluice::ctl
