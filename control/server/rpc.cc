// SPDX-License-Identifier: BSD-3-Clause
// Parsing, dispatch and replies of JSON-RPC 2.0. Control thread.
#include "control/server/rpc.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include "control/config/spelling.h"
#include "control/server/commands/registry.h"

namespace sluice::control {
namespace {

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

struct Rpc::Batch {
  RequestJson requests;
  Peer peer;
  Done done;
  size_t next = 0;
  std::string replies = {};  // "[" and the reply array's members so far
};

void Rpc::handle(std::string_view message, const Peer& peer, const Done& done) {
  auto parsed = parse(message);
  if (!parsed) {
    return done({to_line(error_reply(nullptr, parsed.error()))});
  }
  if (parsed->is_array()) {
    return run_batch(*std::move(parsed), peer, done);
  }
  call(*parsed, peer, [done](std::string reply) { done({std::move(reply)}); });
}

void Rpc::call(const RequestJson& request, const Peer& peer, Finish finish) {
  const auto given_id = request.is_object() ? request.find("id") : request.end();
  const bool has_id = request.is_object() && given_id != request.end();
  Json id = has_id && is_valid_id(*given_id) ? Json(*given_id) : Json(nullptr);
  if (const char* problem = envelope_problem(request); problem != nullptr) {
    return finish(to_line(error_reply(id, {ErrorCode::kInvalidRequest, problem, nullptr})));
  }
  // A request without id is a notification: it is carried out and never answered.
  Reply reply = [has_id, id = std::move(id), finish = std::move(finish)](const Answer& answer) {
    if (!has_id) {
      return finish({});
    }
    finish(to_line(answer ? Json{{"jsonrpc", "2.0"}, {"id", id}, {"result", *answer}}
                          : error_reply(id, answer.error())));
  };
  const auto& method = request["method"].get_ref<const std::string&>();
  const Command* command = find_command(method);
  if (command == nullptr) {
    return reply(tl::unexpected(unknown_method(method)));
  }
  const auto params = request.find("params");
  run(*command, params == request.end() ? RequestJson::object() : *params, peer, std::move(reply));
}

void Rpc::run(const Command& command, const RequestJson& params, const Peer& peer, Reply reply) {
  const auto is_answered = std::make_shared<bool>(false);
  const Reply once = [&command, peer, is_answered, reply = std::move(reply),
                      alive = std::weak_ptr(alive_)](Answer answer) {
    if (std::exchange(*is_answered, true) || alive.expired()) {
      return;
    }
    if (command.effect == Effect::kChanges) {
      log_change(command, peer, answer);
    }
    reply(std::move(answer));
  };
  try {
    command.run(context_, params, once);
  } catch (const std::exception& error) {
    once(refuse(ErrorCode::kInternal, std::string("internal error: ") + error.what()));
  }
}

void Rpc::run_batch(RequestJson requests, const Peer& peer, const Done& done) {
  if (requests.empty() || requests.size() > limits_.max_batch) {
    return done({error_line(ErrorCode::kInvalidRequest,
                            "a batch has 1.." + std::to_string(limits_.max_batch) + " requests")});
  }
  step(std::make_shared<Batch>(Batch{.requests = std::move(requests), .peer = peer, .done = done}));
}

// One request after the other, so that edits of a batch build on each other. A batch is short
// enough to recurse.
void Rpc::step(const std::shared_ptr<Batch>& batch) {
  if (batch->next == batch->requests.size()) {
    const auto calls = static_cast<uint32_t>(batch->requests.size());
    if (!batch->replies.empty()) {
      batch->replies += ']';
    }
    return batch->done({std::move(batch->replies), calls});
  }
  const RequestJson& request = batch->requests[batch->next++];
  const auto finish = [this, batch](const std::string& reply) {
    if (!reply.empty()) {
      batch->replies += batch->replies.empty() ? '[' : ',';
      batch->replies += reply;
    }
    step(batch);
  };
  if (batch->replies.size() > limits_.max_batch_reply_bytes) {
    const bool has_id = request.is_object() && request.contains("id");
    const Json id = has_id && is_valid_id(request["id"]) ? Json(request["id"]) : Json(nullptr);
    return finish(
        to_line(error_reply(id, {ErrorCode::kReplyTooLong,
                                 "not carried out: the batch's reply is too long", nullptr})));
  }
  call(request, batch->peer, finish);
}

}  // namespace sluice::control
