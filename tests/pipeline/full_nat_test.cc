// SPDX-License-Identifier: BSD-3-Clause
// FULL-NAT through the whole worker: both directions, TCP and UDP, two arms and one. Tests.
#include <gtest/gtest.h>

#include "tests/support/packet_case.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::kTcpAck;
using table::kTcpSyn;

TEST(FullNat, CarriesTcpBothWaysOverTwoArms) {
  play({
      .name = "tcp",
      .config = two_arms(),
      .steps =
          {
              {
                  .in = {{kWan, from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn)}},
                  .out = {{kLan,
                           to_server(tcp(local(1024), server_endpoint(0))).flags(kTcpSyn).ttl(63)}},
                  .counters = {{CounterId::kSessionsCreated, 1}},
              },
              {
                  .in = {{kLan, from_server(tcp(server_endpoint(0), local(1024)))
                                    .flags(kTcpSyn | kTcpAck)}},
                  .out = {{kWan, to_wan(tcp(kTcpVip, kClient)).flags(kTcpSyn | kTcpAck).ttl(63)}},
              },
          },
  });
}

}  // namespace
}  // namespace sluice::test
