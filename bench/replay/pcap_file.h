// SPDX-License-Identifier: BSD-3-Clause
// Writes frames to a pcap file. Main thread.
#pragma once

#include <pcap/pcap.h>

#include <memory>
#include <span>
#include <string>

#include "lib/base/dpdk_ptr.h"
#include "lib/base/result.h"

namespace sluice::bench {

class PcapFile {
 public:
  /// Errors: the file cannot be written, with its name.
  static Result<PcapFile> create(const std::string& path);

  void write(std::span<const uint8_t> frame);
  /// Errors: the file could not be written in full, mostly for lack of space.
  Status close();

 private:
  std::string path_;
  std::unique_ptr<pcap_t, DpdkDeleter<&pcap_close>> format_;
  std::unique_ptr<pcap_dumper_t, DpdkDeleter<&pcap_dump_close>> dump_;
};

}  // namespace sluice::bench
