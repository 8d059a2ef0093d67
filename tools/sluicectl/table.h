// SPDX-License-Identifier: BSD-3-Clause
// Text in aligned columns. Single-threaded.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace sluice::ctl {

enum class Align { kLeft, kRight };

/// Rows of cells; a column is as wide as its widest cell. Cells past a row's end are empty.
class Table {
 public:
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  /// Two spaces between columns, none at line ends.
  void print(std::ostream& out) const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace sluice::ctl
