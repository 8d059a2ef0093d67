// SPDX-License-Identifier: BSD-3-Clause
// `counters`: everything the director counts, with unit and help. Control thread.
#include <utility>

#include "control/server/commands/commands.h"
#include "control/server/commands/params.h"
#include "control/server/commands/service_json.h"

namespace sluice::control {
namespace {

Json worker_counters(const Director& director) {
  Json list = Json::array();
  for (size_t i = 0; i < dataplane::kCounterCount; ++i) {
    const dataplane::CounterInfo& info = dataplane::kCounterInfo[i];
    uint64_t total = 0;
    Json workers = Json::array();
    for (uint32_t worker = 0; worker < director.worker_count(); ++worker) {
      const uint64_t value = director.worker_counter(worker, static_cast<dataplane::CounterId>(i));
      workers.push_back(value);
      total += value;
    }
    list.push_back({{"name", info.name},
                    {"unit", info.unit},
                    {"help", info.help},
                    {"total", total},
                    {"workers", std::move(workers)}});
  }
  return list;
}

}  // namespace

Answer counters(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  const Director& director = context.director;
  Json services = Json::array();
  for (const config::Service& service : director.running().services) {
    services.push_back(to_json(director, service, Detail::kList));
  }
  return Json{{"counters", worker_counters(director)}, {"services", std::move(services)}};
}

}  // namespace sluice::control
