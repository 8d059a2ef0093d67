// SPDX-License-Identifier: BSD-3-Clause
// Asking the director and dealing with what it answers. Single-threaded.
#include "tools/sluicectl/run.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>

#include "control/server/protocol.h"
#include "tools/sluicectl/show.h"

namespace sluice::ctl {
namespace {

Exit usage(const Invocation& invocation, const std::string& message) {
  invocation.err << "sluicectl: " << message << '\n';
  return Exit::kUsage;
}

Result<std::string> read_input(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::ifstream file(path, std::ios::binary);
  // An empty file sets failbit on <<; only reading can fail here.
  if (!file || (file.peek() == std::ifstream::traits_type::eof() && file.bad())) {
    return fail("cannot read " + path + ": " + std::strerror(errno));
  }
  std::copy(std::istreambuf_iterator<char>(file), {}, std::ostreambuf_iterator<char>(text));
  return text.str();
}

// A file of this machine as the director reads it.
Result<Json> file_params(const std::string& path, const std::string& when_too_large) {
  constexpr size_t kEnvelopeBytes = 8192;  // a path has at most 4096, in JSON twice as many
  const Result<std::string> text = read_input(path);
  if (!text) {
    return tl::unexpected(text.error());
  }
  Json params = {{"text", *text}, {"name", path == "-" ? "(standard input)" : path}};
  const size_t bytes = params.dump(-1, ' ', false, Json::error_handler_t::replace).size();
  if (bytes + kEnvelopeBytes > control::kMaxMessageBytes) {
    return fail(path + " is too large for the control socket (1 MiB); " + when_too_large);
  }
  return params;
}

}  // namespace

Exit report(std::ostream& err, const CallError& error) {
  err << "sluicectl: " << error.message << '\n';
  for (const std::string& detail : error.details) {
    err << "sluicectl: " << detail << '\n';
  }
  return error.kind == CallError::Kind::kUnreachable ? Exit::kUnreachable : Exit::kRefused;
}

Exit ask_and_show(const Verb& verb, const Invocation& invocation) {
  const Result<Json> params = params_of(verb, invocation);
  if (!params) {
    return usage(invocation, params.error().message);
  }
  const Call<Json> result = invocation.client.call(std::string(verb.method), *params);
  if (!result) {
    return report(invocation.err, result.error());
  }
  if (invocation.options.is_json()) {
    invocation.out << *result << '\n';
  } else {
    verb.show(invocation, *result);
  }
  return Exit::kOk;
}

Exit list_sessions(const Verb& verb, const Invocation& invocation) {
  Result<Json> params = params_of(verb, invocation);
  if (!params) {
    return usage(invocation, params.error().message);
  }
  std::optional<uint64_t> left;
  if (invocation.options.has("limit")) {
    left = invocation.options.number("limit");
  }
  SessionRows rows(invocation.out);
  bool is_first = true;
  // A closed pipe (| head) ends the listing, not only the output.
  while (invocation.out && (!left || *left > 0)) {
    (*params)["limit"] = std::min<uint64_t>(left.value_or(UINT64_MAX), control::kMaxSessionPage);
    const Call<Json> page = invocation.client.call(std::string(verb.method), *params);
    if (!page) {
      return report(invocation.err, page.error());
    }
    if (is_first && !invocation.options.is_json()) {
      rows.header((*page)["sessions"]);
    }
    is_first = false;
    for (const Json& session : (*page)["sessions"]) {
      if (invocation.options.is_json()) {
        invocation.out << session << '\n';
      } else {
        rows.add(session);
      }
    }
    invocation.out.flush();
    if ((*page)["last"].get<bool>()) {
      break;
    }
    if (left) {
      *left -= std::min<uint64_t>(*left, (*page)["sessions"].size());
    }
    (*params)["cursor"] = (*page)["cursor"];
  }
  return Exit::kOk;
}

Exit diff_file(const Verb& verb, const Invocation& invocation) {
  // Without FILE none: the director reads its own file, which may be larger than a message.
  const Result<Json> params =
      invocation.options.has("FILE")
          ? file_params(invocation.options.text("FILE"),
                        "put it in the place of the director's own file and call diff without FILE")
          : Json::object();
  if (!params) {
    return usage(invocation, params.error().message);
  }
  const Call<Json> result = invocation.client.call(std::string(verb.method), *params);
  if (!result) {
    return report(invocation.err, result.error());
  }
  if (invocation.options.is_json()) {
    invocation.out << *result << '\n';
  } else {
    show_difference(invocation.out, *result);
  }
  const bool is_told = invocation.options.has("exit-code");
  return is_told && !(*result)["changes"].empty() ? Exit::kChanges : Exit::kOk;
}

Exit server_howto(const Verb& verb, const Invocation& invocation) {
  Result<Json> params = params_of(verb, invocation);
  if (params && invocation.options.has("config")) {
    const Result<Json> file = file_params(invocation.options.text("config"),
                                          "let the director run it and leave --config out");
    if (!file) {
      return usage(invocation, file.error().message);
    }
    params->update(*file);
  }
  if (!params) {
    return usage(invocation, params.error().message);
  }
  const Call<Json> result = invocation.client.call(std::string(verb.method), *params);
  if (!result) {
    return report(invocation.err, result.error());
  }
  if (invocation.options.is_json()) {
    invocation.out << *result << '\n';
  } else {
    show_howto(invocation.out, *result);
  }
  return Exit::kOk;
}

Exit save(const Verb& verb, const Invocation& invocation) {
  const bool is_write = invocation.options.has("write");
  if (is_write && invocation.options.has("output")) {
    return usage(invocation, "--output and --write exclude each other: here or there?");
  }
  const Json params = is_write ? Json{{"write", true}} : Json::object();
  const Call<Json> result = invocation.client.call(std::string(verb.method), params);
  if (!result) {
    return report(invocation.err, result.error());
  }
  if (!is_write && invocation.options.has("output")) {
    const std::string path = invocation.options.text("output");
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << (*result)["text"].get<std::string>();
    file.close();
    if (!file) {
      return usage(invocation, "cannot write " + path + ": " + std::strerror(errno));
    }
    if (invocation.options.is_json()) {
      invocation.out << Json{{"path", path}} << '\n';
    }
  } else if (invocation.options.is_json()) {
    invocation.out << *result << '\n';
  } else if (is_write) {
    const std::string backup = (*result)["backup"];
    invocation.out << "wrote " << (*result)["path"].get<std::string>()
                   << (backup.empty() ? "" : "; the old one is " + backup) << '\n';
  } else {
    invocation.out << (*result)["text"].get<std::string>();
  }
  return Exit::kOk;
}

}  // namespace sluice::ctl
