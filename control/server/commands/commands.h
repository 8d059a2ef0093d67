// SPDX-License-Identifier: BSD-3-Clause
// Every command's function; registry.cc names them to the world. Control thread.
#pragma once

#include "control/server/commands/command.h"

namespace sluice::control {

// status.cc
Answer status(const CommandContext& context, const RequestJson& params);

// service.cc
Answer service_list(const CommandContext& context, const RequestJson& params);
Answer service_show(const CommandContext& context, const RequestJson& params);
Answer service_add(const CommandContext& context, const RequestJson& params);
Answer service_set(const CommandContext& context, const RequestJson& params);
Answer service_delete(const CommandContext& context, const RequestJson& params);

// server.cc
Answer server_list(const CommandContext& context, const RequestJson& params);
Answer server_add(const CommandContext& context, const RequestJson& params);
Answer server_set(const CommandContext& context, const RequestJson& params);
Answer server_delete(const CommandContext& context, const RequestJson& params);

// snat.cc
Answer snat_list(const CommandContext& context, const RequestJson& params);

// howto.cc
Answer server_howto(const CommandContext& context, const RequestJson& params);

// session.cc
void session_list(const CommandContext& context, const RequestJson& params, Reply reply);

// counters.cc
Answer counters(const CommandContext& context, const RequestJson& params);

// neighbour.cc
Answer neighbour_list(const CommandContext& context, const RequestJson& params);

// config.cc
Answer reload(const CommandContext& context, const RequestJson& params);
Answer diff(const CommandContext& context, const RequestJson& params);
Answer save(const CommandContext& context, const RequestJson& params);

// registry.cc
Answer help(const CommandContext& context, const RequestJson& params);

}  // namespace sluice::control
