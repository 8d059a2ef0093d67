// SPDX-License-Identifier: BSD-3-Clause
// Writes frames to a pcap file. Main thread.
#include "bench/replay/pcap_file.h"

namespace sluice::bench {

Result<PcapFile> PcapFile::create(const std::string& path) {
  constexpr int kMaxFrameBytes = 65'535;
  PcapFile file;
  file.path_ = path;
  file.format_.reset(pcap_open_dead(DLT_EN10MB, kMaxFrameBytes));
  file.dump_.reset(pcap_dump_open(file.format_.get(), path.c_str()));
  if (!file.dump_) {
    return fail(path + ": " + pcap_geterr(file.format_.get()));
  }
  return file;
}

void PcapFile::write(std::span<const uint8_t> frame) {
  pcap_pkthdr header{};
  header.caplen = static_cast<bpf_u_int32>(frame.size());
  header.len = header.caplen;
  pcap_dump(reinterpret_cast<u_char*>(dump_.get()), &header, frame.data());
}

Status PcapFile::close() {
  const bool is_written = pcap_dump_flush(dump_.get()) == 0;
  dump_.reset();
  if (!is_written) {
    return fail(path_ + ": cannot be written in full; is the disk full?");
  }
  return {};
}

}  // namespace sluice::bench
