// SPDX-License-Identifier: BSD-3-Clause
// `session.list`: one page, found by the workers between bursts and answered later. Control thread.
#include <charconv>
#include <string>
#include <utility>

#include "control/config/names.h"
#include "control/server/commands/commands.h"
#include "control/server/commands/params.h"
#include "control/server/commands/service_ref.h"

namespace sluice::control {
namespace {

constexpr uint32_t kDefaultPage = 100;

// Text, not a number: many JSON readers lose the low bits of a 64-bit number.
uint64_t read_cursor(Params& params) {
  const std::string text = params.text("cursor").value_or("0");
  uint64_t cursor = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cursor);
  if (error != std::errc{} || end != text.data() + text.size()) {
    params.complain("cursor", "must be what the previous page's reply said");
  }
  return cursor;
}

// Source NAT is a mode of no server, so no word of the configuration's.
std::string_view mode_word(table::ForwardingMode mode) {
  return mode == table::ForwardingMode::kSnat ? "snat"
                                              : config::word_for(config::kForwardingModes, mode);
}

Json to_json(const dataplane::SessionInfo& session) {
  const bool has_local = session.mode == table::ForwardingMode::kFullNat ||
                         session.mode == table::ForwardingMode::kSnat;
  return {{"protocol", net::to_string(session.protocol)},
          {"state", table::to_string(session.state)},
          {"client", session.client.to_string()},
          {"vip", session.vip.to_string()},
          {"mode", mode_word(session.mode)},
          {"local", has_local ? Json(session.local.to_string()) : Json()},
          {"server", session.server.to_string()},
          {"expires_in_seconds", session.expires_in_seconds},
          {"worker", session.worker}};
}

Json to_json(const SessionPage& page) {
  Json sessions = Json::array();
  for (const dataplane::SessionInfo& session : page.sessions) {
    sessions.push_back(to_json(session));
  }
  return {{"sessions", std::move(sessions)},
          {"cursor", std::to_string(page.next_cursor)},
          {"last", page.is_last}};
}

}  // namespace

void session_list(const CommandContext& context, const RequestJson& json, Reply reply) {
  Params params(json);
  dataplane::SessionFilter filter;
  filter.client = params.address("client");
  filter.server = params.endpoint("server");
  filter.protocol = params.word("protocol", config::kSessionProtocols);
  const auto service_name = params.text("service");
  const uint32_t limit = params.number("limit", {1, kMaxSessionPage}).value_or(kDefaultPage);
  const uint64_t cursor = read_cursor(params);
  if (auto wrong = params.finish()) {
    return reply(tl::unexpected(*wrong));
  }
  if (service_name) {
    const config::Model& model = context.director.running();
    const auto index = find_service(model, *service_name);
    if (!index) {
      return reply(tl::unexpected(index.error()));
    }
    const config::Service& service = model.services[*index];
    if (filter.protocol && *filter.protocol != service.protocol) {
      return reply(Json{{"sessions", Json::array()}, {"cursor", "0"}, {"last", true}});
    }
    filter.protocol = service.protocol;
    filter.vip = service.vip;
  }
  context.director.list_sessions(
      filter, cursor, limit,
      [reply = std::move(reply)](const SessionPage& page) { reply(to_json(page)); });
}

}  // namespace sluice::control
