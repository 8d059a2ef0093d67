// SPDX-License-Identifier: BSD-3-Clause
// The network of the source NAT tests: hosts on the lan send by public addresses to the wan. Tests.
#pragma once

#include <vector>

#include "lib/snapshot/snat_rules.h"
#include "tests/pipeline/cases.h"

namespace sluice::test {

// Rows are named by the requirements they are about, as dataplane/README.md lists them.
inline constexpr snapshot::ServerId kSnatServer = 40;
inline const net::Address kPublic = address("192.0.2.100"), kPublic2 = address("192.0.2.101");
inline const net::Address kPublic6 = address("2001:db8::100");
inline const net::Address kLanAddress = address("10.0.0.254");
inline const net::Endpoint kRemote = endpoint("198.51.100.7:443");
inline const net::Endpoint kRemote2 = endpoint("198.51.100.8:53");
inline const net::Endpoint kRemote6 = endpoint("[2001:db8:f::7]:443");

/// Inside host 0..2: 10.0.0.1..3 and 2001:db8:a::1..3.
net::Endpoint host(uint32_t index, uint16_t port = 5'000);
net::Endpoint host6(uint32_t index, uint16_t port = 5'000);
net::Endpoint at_public(uint16_t port);

/// Everything of the lan may go anywhere; the least timeouts of RFC 4787, 5382 and 5508.
snapshot::SnatRuleSpec office_rule();
/// Two arms without services.
DirectorConfig gateway(const snapshot::SnatRuleSpec& rule = office_rule());

/// Addresses a frame as it comes from an inside host or goes to it.
FrameBuilder from_host(FrameBuilder frame, uint32_t index = 0);
FrameBuilder to_host(FrameBuilder frame, uint32_t index = 0);

FrameBuilder syn(const net::Endpoint& from, const net::Endpoint& to);
FrameBuilder ping(const net::Endpoint& from, const net::Address& to);
FrameBuilder pong(const net::Address& from, const net::Endpoint& to);

/// An ICMP error of the gateway's own to the inside host that sent `offending`.
Frame told_host(const Frame& offending, uint8_t type, uint8_t code, uint32_t parameter = 0,
                uint32_t index = 0);

/// One packet in, one out.
Step to_outside(FrameBuilder in, FrameBuilder out, uint32_t index = 0);
Step to_inside(FrameBuilder in, FrameBuilder out, uint32_t index = 0);
Step after(uint32_t seconds, Step step);
/// A packet from outside that nobody hears of.
Step ignored(FrameBuilder in, dataplane::CounterId reason = dataplane::CounterId::kDropNoSession);

}  // namespace sluice::test
