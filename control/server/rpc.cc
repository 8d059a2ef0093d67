// SPDX-License-Identifier: BSD-3-Clause
// Parsing, dispatch and replies of JSON-RPC 2.0. Control thread.
#include "control/server/rpc.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <utility>
#include <vector>

#include "control/config/spelling.h"
#include "control/server/commands/registry.h"

namespace sluice::control {
namespace {

using Clock = TokenBucket::Clock;

// An id is echoed; longer ones serve nobody.
constexpr size_t kMaxIdBytes = 256;

std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Messages are one line wherever they are shown, whatever text they quote.
std::string on_one_line(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char letter) { return letter < 0x20 || letter == 0x7f; }, ' ');
  return text;
}

Json error_reply(const Json& id, const CommandError& error) {
  Json body = {{"code", static_cast<int>(error.code)}, {"message", on_one_line(error.message)}};
  if (!error.details.is_null()) {
    body["data"] = error.details;
  }
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(body)}};
}

// Depth of brackets outside strings: checked before parsing, so that nothing deep is ever built.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool is_in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (is_in_string) {
      if (letter == '\\') {
        ++i;
      } else if (letter == '"') {
        is_in_string = false;
      }
    } else if (letter == '"') {
      is_in_string = true;
    } else if (letter == '[' || letter == '{') {
      if (++depth > kMaxJsonDepth) {
        return true;
      }
    } else if (letter == ']' || letter == '}') {
      --depth;
    }
  }
  return false;
}

tl::expected<RequestJson, CommandError> parse(std::string_view message) {
  if (is_too_deep(message)) {
    return refuse(ErrorCode::kInvalidRequest,
                  "JSON nested deeper than " + std::to_string(kMaxJsonDepth));
  }
  try {
    return RequestJson::parse(message.begin(), message.end());
  } catch (const RequestJson::parse_error& error) {
    return refuse(ErrorCode::kParse, "not JSON, wrong at byte " + std::to_string(error.byte) +
                                         "; a message is one line of JSON-RPC 2.0");
  } catch (const RequestJson::out_of_range&) {
    return refuse(ErrorCode::kParse, "not usable JSON: a number is too large");
  }
}

bool is_valid_id(const RequestJson& id) {
  return id.is_null() || id.is_number() ||
         (id.is_string() && id.get_ref<const std::string&>().size() <= kMaxIdBytes);
}

// What is wrong with the envelope, if anything.
const char* envelope_problem(const RequestJson& request) {
  if (!request.is_object()) {
    return "a request is an object: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"help\"}";
  }
  const auto version = request.find("jsonrpc");
  if (version == request.end() || *version != "2.0") {
    return "jsonrpc: must be \"2.0\"";
  }
  const auto id = request.find("id");
  if (id != request.end() && !is_valid_id(*id)) {
    return "id: must be a number, null or a string of at most 256 bytes";
  }
  const auto method = request.find("method");
  if (method == request.end() || !method->is_string()) {
    return "method: must be a string, e.g. \"help\"";
  }
  const auto params = request.find("params");
  if (params != request.end() && !params->is_object() && !params->is_array()) {
    return "params: must be an object with named members";
  }
  return nullptr;
}

CommandError unknown_method(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Command& command : all_commands()) {
    names.push_back(command.name);
  }
  const std::string_view near = config::nearest_word(name, names);
  return {ErrorCode::kUnknownMethod,
          "no method " + config::in_quotes(name) +
              (near.empty() ? std::string("; \"help\" lists them all")
                            : "; did you mean " + config::in_quotes(near) + "?"),
          nullptr};
}

// Who changed what: the first question after a surprise.
void log_change(const Command& command, const Peer& peer, const Answer& answer) {
  if (answer) {
    spdlog::info("control socket: {} by {}", command.name, peer.to_string());
  } else {
    spdlog::warn("control socket: {} by {}: {}", command.name, peer.to_string(),
                 on_one_line(answer.error().message));
  }
}

}  // namespace

std::string error_line(ErrorCode code, std::string_view message) {
  return to_line(error_reply(nullptr, {code, std::string(message), nullptr}));
}

/// One line of a client: a request, or a batch of them.
struct Rpc::Message {
  RequestJson requests;  // a list
  Peer peer;
  Done done;
  bool is_batch = false;
  size_t next = 0;
  std::string replies = {};  // with "[" before and "," between those of a batch
  Clock::duration busy{};
};

Rpc::Rpc(boost::asio::io_context& io, Director& director, const Activity& activity,
         const ServerLimits& limits)
    : io_(io),
      context_{director, activity},
      limits_(limits),
      shared_(1000 * limits.shared_part, static_cast<double>(limits.shared_burst.count()),
              Clock::now()) {}

void Rpc::handle(std::string_view text, const Peer& peer, const Done& done) {
  const auto begin = Clock::now();
  auto parsed = parse(text);
  if (!parsed) {
    return done({to_line(error_reply(nullptr, parsed.error())), 1, Clock::now() - begin});
  }
  const bool is_batch = parsed->is_array();
  if (is_batch && (parsed->empty() || parsed->size() > limits_.max_batch)) {
    return done({error_line(ErrorCode::kInvalidRequest,
                            "a batch has 1.." + std::to_string(limits_.max_batch) + " requests"),
                 1, Clock::now() - begin});
  }
  const auto message = std::make_shared<Message>(
      Message{.requests = {}, .peer = peer, .done = done, .is_batch = is_batch});
  if (is_batch) {
    message->requests = *std::move(parsed);
  } else {
    message->requests.push_back(*std::move(parsed));
  }
  message->busy = Clock::now() - begin;
  next(message);
}

// One request after the other, so that edits of a batch build on each other.
void Rpc::next(const MessagePtr& message) {
  if (message->next == message->requests.size()) {
    const auto calls = static_cast<uint32_t>(message->requests.size());
    if (message->is_batch && !message->replies.empty()) {
      message->replies += ']';
    }
    return message->done({std::move(message->replies), calls, message->busy});
  }
  const RequestJson& request = message->requests[message->next++];
  if (message->replies.size() <= limits_.max_batch_reply_bytes) {
    return call(message, request);
  }
  const bool has_id = request.is_object() && request.contains("id");
  const Json id = has_id && is_valid_id(request["id"]) ? Json(request["id"]) : Json(nullptr);
  finish(message,
         to_line(error_reply(id, {ErrorCode::kReplyTooLong,
                                  "not carried out: the batch's reply is too long", nullptr})));
}

// By way of the event loop: packets and other clients get their turn between two requests.
void Rpc::finish(const MessagePtr& message, const std::string& reply) {
  if (!reply.empty()) {
    if (message->is_batch) {
      message->replies += message->replies.empty() ? '[' : ',';
    }
    message->replies += reply;
  }
  boost::asio::post(io_, [this, message, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) {
      next(message);
    }
  });
}

void Rpc::call(const MessagePtr& message, const RequestJson& request) {
  const auto given_id = request.is_object() ? request.find("id") : request.end();
  const bool has_id = request.is_object() && given_id != request.end();
  Json id = has_id && is_valid_id(*given_id) ? Json(*given_id) : Json(nullptr);
  if (const char* problem = envelope_problem(request); problem != nullptr) {
    return finish(message,
                  to_line(error_reply(id, {ErrorCode::kInvalidRequest, problem, nullptr})));
  }
  // A request without id is a notification: it is carried out and never answered.
  const Reply reply = [this, message, has_id, id = std::move(id)](const Answer& answer) {
    if (!has_id) {
      return finish(message, {});
    }
    finish(message, to_line(answer ? Json{{"jsonrpc", "2.0"}, {"id", id}, {"result", *answer}}
                                   : error_reply(id, answer.error())));
  };
  const auto& method = request["method"].get_ref<const std::string&>();
  const Command* command = find_command(method);
  if (command == nullptr) {
    return reply(tl::unexpected(unknown_method(method)));
  }
  const auto params = request.find("params");
  run_when_allowed(message, *command, params == request.end() ? no_params_ : *params, reply);
}

// `params` is part of `message` and lives as long.
void Rpc::run_when_allowed(const MessagePtr& message, const Command& command,
                           const RequestJson& params, const Reply& reply) {
  const auto wait =
      command.effect == Effect::kReads ? Clock::duration::zero() : shared_.wait(Clock::now());
  if (wait <= Clock::duration::zero()) {
    return run(message, command, params, reply);
  }
  const auto timer = std::make_shared<boost::asio::steady_timer>(io_, wait);
  timer->async_wait([this, message, &command, &params, reply, timer,
                     alive = std::weak_ptr(alive_)](const auto& error) {
    if (!error && !alive.expired()) {
      run_when_allowed(message, command, params, reply);
    }
  });
}

void Rpc::run(const MessagePtr& message, const Command& command, const RequestJson& params,
              const Reply& reply) {
  enum class Stage { kRunning, kWaiting, kAnswered };
  const auto stage = std::make_shared<Stage>(Stage::kRunning);
  const Reply once = [this, message, &command, stage, reply,
                      alive = std::weak_ptr(alive_)](Answer answer) {
    const Stage before = std::exchange(*stage, Stage::kAnswered);
    if (before == Stage::kAnswered || alive.expired()) {
      return;
    }
    const auto begin = Clock::now();
    if (command.effect == Effect::kChanges) {
      log_change(command, message->peer, answer);
    }
    reply(std::move(answer));
    if (before == Stage::kWaiting) {
      charge(*message, command, begin);
    }
  };
  const auto begin = Clock::now();
  try {
    command.run(context_, params, once);
  } catch (const std::exception& error) {
    once(refuse(ErrorCode::kInternal, std::string("internal error: ") + error.what()));
  }
  charge(*message, command, begin);
  if (*stage == Stage::kRunning) {
    *stage = Stage::kWaiting;
  }
}

void Rpc::charge(Message& message, const Command& command, Clock::time_point since) {
  const auto now = Clock::now();
  message.busy += now - since;
  if (command.effect != Effect::kReads) {
    shared_.take(std::chrono::duration<double, std::milli>(now - since).count(), now);
  }
}

}  // namespace sluice::control
