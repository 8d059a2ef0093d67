// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: a script of frames, time, reloads and neighbours through two whole workers. Tests.
//
// A script is a row of steps; script.h tells their bytes. After each script every packet must be
// accounted for, every buffer free, every sent frame a good one, and every session gone after its
// timeout. Only the rotations of schedulers and port pools live on from script to script.
#include <algorithm>
#include <memory>
#include <optional>

#include "lib/net/checksum.h"
#include "lib/net/parse.h"
#include "tests/fuzz/script.h"
#include "tests/fuzz/target.h"
#include "tests/support/director.h"
#include "tests/support/eal.h"
#include "tests/support/world.h"

namespace sluice::fuzz {
namespace {

using dataplane::CounterId;
using test::Director;
using test::Frame;

constexpr uint32_t kMaxFrames = 64;    // fit into every ring
constexpr uint32_t kMaxReloads = 200;  // the test director keeps every snapshot it ever had
constexpr uint32_t kLongestTimeoutSeconds = 900;

test::DirectorConfig configuration() {
  test::DirectorConfig config = test::two_arms();
  config.workers = 2;
  config.packet_buffers = 511;
  config.limits.sessions = 16;
  config.local_ports = {.first = 1'024, .last = 1'047};
  snapshot::ServiceSpec sctp = test::tcp_service(1);
  sctp.id = 2;
  sctp.protocol = net::Protocol::kSctp;
  sctp.servers[0].id = 31;
  sctp.servers[0].mode = snapshot::ForwardingMode::kNat;
  config.services = {test::tcp_service(3, "wrr"), sctp, test::udp_service(2)};
  snapshot::SnatRuleSpec everybody_inside;
  everybody_inside.id = 3;
  everybody_inside.server_id = 40;
  everybody_inside.inside = {snapshot::AddressRange::of(test::prefix("10.0.0.0/24")),
                             snapshot::AddressRange::of(test::prefix("2001:db8:a::/64"))};
  everybody_inside.destinations = {snapshot::AddressRange::of(test::prefix("0.0.0.0/0")),
                                   snapshot::AddressRange::of(test::prefix("::/0"))};
  everybody_inside.filtering = snapshot::SnatFiltering::kEndpointIndependent;
  everybody_inside.public_addresses = {{.id = 2, .address = test::address("192.0.2.100")},
                                       {.id = 3, .address = test::address("2001:db8::100")}};
  config.snat_rules = {everybody_inside};
  config.limits.local_addresses = 4;
  config.limits.snat_mappings = 12;
  return config;
}

/// The director of all scripts and what one script has done to it.
class Player {
 public:
  void play(std::span<const uint8_t> bytes) {
    if (reloads_ == 0 || reloads_ > kMaxReloads) {
      director_.reset();  // names of rings are free only then
      director_ = std::make_unique<Director>(config_);
      reloads_ = 1;
    }
    frames_ = 0;
    ScriptReader script(bytes);
    while (const auto step = script.next()) {
      apply(*step);
    }
    director_->poll(8);
    director_->advance_ticks(table::FragmentTable::kHoldTicks + 1);  // nothing is held longer
    expect_good_frames();
    expect_every_packet_accounted_for();
    expect_all_sessions_end();
  }

 private:
  void apply(const Step& step) {
    switch (step.kind) {
      case Step::Kind::kFrame:
        return send(step);
      case Step::Kind::kTime:
        return director_->advance_ticks(step.argument);
      case Step::Kind::kReload:
        return reload(step.argument);
      case Step::Kind::kNeighbour:
        return change_neighbour(step.argument);
    }
  }

  void send(const Step& step) {
    if (frames_++ >= kMaxFrames) {
      return;
    }
    Frame frame(step.bytes.begin(), step.bytes.end());
    if (step.repairs) {
      repair(frame, step.port);
    }
    if (step.is_segmented && !frame.empty()) {
      director_->send_in_segments(step.port, frame, std::max<size_t>(frame.size() / 2, 16));
    } else {
      director_->send(step.port, frame, step.queue);
    }
    if (step.polls) {
      director_->poll();
    }
  }

  // Without this nearly everything would end at the MAC or at the checksum.
  void repair(Frame& frame, uint8_t port) const {
    if (frame.size() < 34) {
      return;
    }
    const net::Mac& mac = director_->port_mac(port);
    std::copy(mac.bytes.begin(), mac.bytes.end(), frame.begin());
    const size_t header = std::min<size_t>((frame[14] & 0xF) * 4U, frame.size() - 14);
    frame[24] = frame[25] = 0;
    const auto checksum = static_cast<uint16_t>(~net::sum_words({frame.data() + 14, header}));
    std::memcpy(frame.data() + 24, &checksum, sizeof(checksum));
  }

  void reload(uint32_t variant) {
    std::vector<snapshot::ServiceSpec> services = config_.services;
    for (size_t i = 0; i < services.front().servers.size(); ++i) {
      services.front().servers[i].weight = variant >> i & 1;
    }
    if ((variant & 8) != 0) {
      services.front().servers.pop_back();
    }
    services.front().servers_version = ++servers_version_;
    for (snapshot::ServiceSpec& service : services) {
      service.client_address = table::kClientAddresses[variant % table::kClientAddresses.size()];
      service.renews_sequence_numbers = (variant & 4) != 0;
    }
    if ((variant & 16) != 0) {
      services.pop_back();
    }
    director_->install(services);
    ++reloads_;
  }

  void change_neighbour(uint32_t which) {
    test::Neighbour neighbour = config_.neighbours[which % config_.neighbours.size()];
    if ((which & 16) != 0) {
      neighbour.mac.reset();
    }
    director_->set_neighbour(neighbour);
  }

  // A server's module takes the header of protocol 248 out before anybody looks at the datagram.
  static bool is_uoa(const Frame& frame) {
    constexpr uint8_t kUoaProtocol = 248;
    return frame.at(frame.at(14) >> 4 == 4 ? 23 : 20) == kUoaProtocol;
  }

  void expect_good_frames() {
    for (uint8_t port = 0; port < config_.ports; ++port) {
      for (const Frame& frame : director_->take_sent(port)) {
        net::Mac to;
        std::copy_n(frame.begin(), to.bytes.size(), to.bytes.begin());
        net::FlowKey4 key;
        net::FlowKey6 key6;
        net::PacketFields fields;
        const auto bytes = static_cast<uint32_t>(frame.size());
        const auto verdict = net::parse(frame.data(), bytes, bytes, to, key, key6, fields);
        if (verdict == net::ParseVerdict::kFragment || verdict == net::ParseVerdict::kIcmp ||
            is_uoa(frame)) {
          continue;
        }
        check(verdict == net::ParseVerdict::kFlow, "a frame was sent that nobody would take");
        check(fields.ttl > 0, "a frame was sent with TTL 0");
        check(fields.ip_bytes <= config_.mtu, "a frame was sent larger than the MTU");
        check(std::equal(frame.begin() + 6, frame.begin() + 12,
                         director_->port_mac(port).bytes.begin()),
              "a frame was sent from another MAC");
      }
    }
    director_->drain();
    check(director_->buffers_in_use() == 0, "packet buffers leaked");
  }

  void expect_every_packet_accounted_for() {
    uint64_t ends = director_->count(CounterId::kTxPackets);
    for (size_t i = 0; i < dataplane::kCounterCount; ++i) {
      const std::string_view name = dataplane::kCounterInfo[i].name;
      if (name.starts_with("drop_") || name.starts_with("punt_")) {
        ends += director_->count(static_cast<CounterId>(i));
      }
    }
    const uint64_t begun = director_->count(CounterId::kRxPackets) +
                           director_->count(CounterId::kIcmpErrorsSent) +
                           director_->count(CounterId::kProxySegmentsSent);
    check(begun == ends, "a packet ended uncounted, or twice");
  }

  void expect_all_sessions_end() {
    for (const test::Neighbour& neighbour : config_.neighbours) {
      director_->set_neighbour(neighbour);
    }
    if (reloads_ > 1) {
      reload(7);
    }
    director_->jump_seconds(kLongestTimeoutSeconds + 1);
    director_->poll(8);
    check(director_->session_count() == 0, "a session outlived its timeout");
    check(director_->count(CounterId::kSessionsCreated) ==
              director_->count(CounterId::kSessionsExpired),
          "sessions do not add up");
    for (const snapshot::ServiceSpec& service : config_.services) {
      for (const auto& server : service.servers) {
        const dataplane::ServerTotals totals = director_->server(server.id);
        check(totals.active == 0 && totals.inactive == 0, "a connection gauge did not return to 0");
      }
    }
    (void)director_->take_events();
  }

  const test::DirectorConfig config_ = configuration();
  std::unique_ptr<Director> director_;
  uint64_t servers_version_ = 1;
  uint32_t reloads_ = 0;  // 0: no director yet
  uint32_t frames_ = 0;
};

std::unique_ptr<Player> player;  // made after the EAL, used by every input

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** argv) {
  sluice::fuzz::check(sluice::test::start_eal((*argv)[0]), "no EAL");
  sluice::fuzz::player = std::make_unique<sluice::fuzz::Player>();
  std::atexit([] { sluice::fuzz::player.reset(); });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  sluice::fuzz::player->play({bytes, size});
  return 0;
}
