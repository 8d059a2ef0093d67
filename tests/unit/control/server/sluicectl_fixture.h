// SPDX-License-Identifier: BSD-3-Clause
// sluicectl's command line with a control server to speak to. Tests only.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/control/server/server_fixture.h"
#include "tools/sluicectl/cli.h"

namespace sluice::ctl {

// The tool blocks, so the server has a thread here. Tests touch the director only before the first
// command and between commands.
class Sluicectl : public control::ServerTest {
 protected:
  void SetUp() override {
    start();
    thread_ = std::thread([this] { io_.run(); });
  }
  void TearDown() override {
    io_.stop();
    thread_.join();
    server_.reset();
  }

  Exit ctl(std::vector<std::string> words) {
    words.insert(words.begin(), {"--socket", path_});
    out_.str("");
    err_.str("");
    return run(words, out_, err_);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  std::thread thread_;
  std::ostringstream out_;
  std::ostringstream err_;
};

}  // namespace sluice::ctl
