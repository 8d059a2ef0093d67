// SPDX-License-Identifier: BSD-3-Clause
// The socket file: made, replaced, left alone, removed.
#include "control/server/listen_socket.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

#include "tests/unit/control/server/server_fixture.h"

namespace sluice::control {
namespace {

class ListenSocketTest : public testing::Test {
 protected:
  std::string error() {
    const auto socket = ListenSocket::open({.path = path_, .mode = 0660, .group = {}});
    return socket ? "" : socket.error().message;
  }
  static mode_t mode_of(const std::string& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.file("run/sluice/control.sock");
};

TEST_F(ListenSocketTest, MakesFolderAndFileWithTheirModesWhateverTheUmask) {
  const mode_t before = umask(0077);
  const auto socket = ListenSocket::open({.path = path_, .mode = 0620, .group = getegid()});
  umask(before);
  ASSERT_TRUE(socket.has_value()) << socket.error().message;
  EXPECT_EQ(mode_of(path_), 0620U);
  EXPECT_EQ(mode_of(folder_.file("run/sluice")), 0755U);
}

TEST_F(ListenSocketTest, RemovesItsFile) {
  { EXPECT_EQ(error(), ""); }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ListenSocketTest, LeavesAFileThatReplacedIts) {
  {
    const auto socket = ListenSocket::open({.path = path_, .mode = 0660, .group = {}});
    ASSERT_TRUE(socket.has_value());
    std::filesystem::remove(path_);
    std::ofstream(path_) << "somebody else's";
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ListenSocketTest, ReplacesAStaleSocket) {
  ASSERT_EQ(error(), "");
  const int stale = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(stale, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  close(stale);  // the file stays, as after a crash
  EXPECT_EQ(error(), "");
}

TEST_F(ListenSocketTest, RefusesALiveSocketAndSaysWhose) {
  const auto first = ListenSocket::open({.path = path_, .mode = 0660, .group = {}});
  ASSERT_TRUE(first.has_value());
  EXPECT_NE(error().find("pid " + std::to_string(getpid())), std::string::npos) << error();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ListenSocketTest, RefusesToReplaceAnythingElse) {
  std::filesystem::create_directories(folder_.file("run/sluice"));
  std::ofstream(path_) << "precious";
  EXPECT_NE(error().find("in the way"), std::string::npos) << error();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ListenSocketTest, RefusesPathsASocketCannotHave) {
  path_ = folder_.file(std::string(200, 'x'));
  EXPECT_NE(error().find("1..107"), std::string::npos) << error();
  path_ = "";
  EXPECT_NE(error().find("1..107"), std::string::npos) << error();
}

TEST_F(ListenSocketTest, AnUnknownGroupIsExplained) {
  boost::asio::io_context io;
  MemoryDirector director;
  const auto server = ControlServer::open(io, director, {path_, 0660, "no-such-group"});
  ASSERT_FALSE(server.has_value());
  EXPECT_NE(server.error().message.find("groupadd"), std::string::npos) << server.error().message;
}

}  // namespace
}  // namespace sluice::control
