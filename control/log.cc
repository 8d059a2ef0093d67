// SPDX-License-Identifier: BSD-3-Clause
// Log targets. Control thread.
#include "control/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace sluice::control {
namespace {

spdlog::sink_ptr make_sink(const Options& options) {
  switch (options.log_target) {
    case LogTarget::kSyslog:
      return std::make_shared<spdlog::sinks::syslog_sink_st>("sluiced", LOG_PID, LOG_DAEMON,
                                                             /*enable_formatting=*/false);
    case LogTarget::kFile:
      return std::make_shared<spdlog::sinks::basic_file_sink_st>(options.log_file);
    case LogTarget::kStderr:
      break;
  }
  return std::make_shared<spdlog::sinks::stderr_color_sink_st>();
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      break;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

Status set_up_log(const Options& options) {
  try {
    auto logger = std::make_shared<spdlog::logger>("sluiced", make_sink(options));
    logger->set_level(spdlog_level(options.log_level));
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& error) {
    return fail(std::string("cannot log: ") + error.what());
  }
  return {};
}

}  // namespace sluice::control
