// SPDX-License-Identifier: BSD-3-Clause
// sluiced: from the command line to the running director and back. The only file that names every
// concrete class. Control thread.
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include "control/config/yaml_reader.h"
#include "control/eal_args.h"
#include "control/log.h"
#include "control/options.h"
#include "control/preflight.h"
#include "control/running_director.h"
#include "control/server/control_server.h"
#include "dataplane/eal.h"

namespace sluice::control {
namespace {

void log_problems(const config::Problems& problems) {
  for (const config::Problem& problem : problems) {
    spdlog::error("{}", problem.to_string());
  }
}

int refuse(const std::string& message) {
  spdlog::error("{}", message);
  return kExitFailure;
}

void reload(Director& director) {
  sd_notify(0, "RELOADING=1");
  auto report = director.reload();
  if (report) {
    spdlog::info("reloaded {}: {} changes, generation {}", director.config_path(),
                 report->changes.size(), report->generation);
  } else {
    log_problems(report.error());
    spdlog::error("reload refused: nothing was changed");
  }
  sd_notify(0, "READY=1");
}

/// Serves until SIGTERM or SIGINT, which may have come during the start; SIGHUP reloads.
void serve(boost::asio::io_context& io, boost::asio::signal_set& signals, Director& director) {
  const std::function<void(const boost::system::error_code&, int)> on_signal =
      [&](const boost::system::error_code& error, int signal) {
        if (error) {
          return;
        }
        if (signal == SIGHUP) {
          reload(director);
          signals.async_wait(on_signal);
          return;
        }
        spdlog::info("signal {}: stopping", signal);
        sd_notify(0, "STOPPING=1");
        io.stop();
      };
  signals.async_wait(on_signal);
  io.poll();  // what has come already
  if (!io.stopped()) {
    sd_notify(0, "READY=1");
    io.run();
  }
}

int run(const Options& options, config::Model model) {
  if (const auto refusals = preflight(model, read_system_facts(model)); !refusals.empty()) {
    for (const std::string& refusal : refusals) {
      spdlog::error("{}", refusal);
    }
    return kExitFailure;
  }
  // From here on there is something to clean up: a signal waits until serve() looks.
  boost::asio::io_context io(1);
  boost::asio::signal_set signals(io, SIGTERM, SIGINT, SIGHUP);
  auto eal = dataplane::Eal::start(eal_arguments(model, read_usable_cores()));
  if (!eal) {
    return refuse(eal.error().message);
  }
  const auto socket = model.director.control_socket;
  auto director = RunningDirector::start(io, std::move(model), options.config_path);
  if (!director) {
    return refuse(director.error().message);
  }
  auto server = ControlServer::open(io, **director, socket);
  if (!server) {
    return refuse(server.error().message);
  }
  spdlog::info("sluiced {} serves {} services with {} workers, control socket {}", SLUICE_VERSION,
               (*director)->running().services.size(), (*director)->worker_count(), socket.path);
  serve(io, signals, **director);
  spdlog::info("stopped");
  return kExitOk;
}

int start(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  if (!options) {
    std::fputs(options.error().text.c_str(),
               options.error().exit_code == kExitOk ? stdout : stderr);
    return options.error().exit_code;
  }
  if (const auto logging = set_up_log(*options); !logging) {
    std::fprintf(stderr, "sluiced: %s\n", logging.error().message.c_str());
    return kExitUsage;
  }
  auto model = config::read_file(options->config_path);
  if (!model) {
    log_problems(model.error());
    return kExitBadConfiguration;
  }
  if (options->check_only) {
    std::printf("%s: good, %zu services\n", options->config_path.c_str(), model->services.size());
    return kExitOk;
  }
  return run(*options, std::move(*model));
}

}  // namespace
}  // namespace sluice::control

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return sluice::control::start(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sluiced: %s\n", error.what());
    return sluice::control::kExitFailure;
  }
}
