# SPDX-License-Identifier: BSD-3-Clause
# Bash completion of sluicectl: commands, options, and the services and servers of the director that
# answers. Needs no bash-completion package. Install as
# /usr/share/bash-completion/completions/sluicectl, or: source tools/completions/sluicectl.bash

# Options of a command, two words or one: "service add" -> "--vip --protocol ...".
_sluicectl_options() {
  case $1 in
    "service list" | "server list" | "snat list") echo "--stats" ;;
    "service add") echo "--vip --protocol --scheduler --schedule-by --no-server --mode --tunnel --gue-port --local-pool --client-address --sequence-numbers --interface --announce --timeout" ;;
    "service set") echo "--scheduler --schedule-by --no-server --mode --tunnel --gue-port --local-pool --client-address --sequence-numbers --interface --announce --timeout" ;;
    "server add" | "server set") echo "--weight --mode" ;;
    "server howto") echo "--config" ;;
    "session list") echo "--client --service --server --protocol --limit" ;;
    "counters ") echo "--all" ;;
    "diff ") echo "--exit-code" ;;
    "save ") echo "--output --write" ;;
  esac
}

# Asks the director; a silent or missing one completes nothing and costs a second at most.
_sluicectl_ask() {
  timeout 1 "${_sluicectl_command[@]}" --json "$@" 2>/dev/null
}

# The values of one string member in a line of JSON.
_sluicectl_values() {
  grep -o "\"$1\":\"[^\"]*\"" | cut -d'"' -f4
}

# A service's servers come after its name; its own keys before: cutting the lists leaves services.
_sluicectl_services() {
  _sluicectl_ask service list | sed 's/"servers":\[[^]]*\]//g' | _sluicectl_values name
}

_sluicectl_servers() {
  if [[ -n $1 ]]; then
    _sluicectl_ask server list "$1"
  else
    _sluicectl_ask server list
  fi | _sluicectl_values address
}

# Sessions of source NAT may be ICMP's.
_sluicectl_protocols() {
  if [[ ${places[0]-} == session ]]; then
    echo "tcp udp sctp icmp icmpv6"
  else
    echo "tcp udp sctp"
  fi
}

# Values of the option before the cursor; fails when it takes none.
_sluicectl_option_value() {
  case $1 in
    --socket | --output | --config) compgen -f -- "$2" ;;
    --protocol) compgen -W "$(_sluicectl_protocols)" -- "$2" ;;
    --scheduler) compgen -W "rr wrr" -- "$2" ;;
    --schedule-by) compgen -W "session packet" -- "$2" ;;
    --no-server) compgen -W "reject drop" -- "$2" ;;
    --mode) compgen -W "full-nat nat dr tunnel" -- "$2" ;;
    --tunnel) compgen -W "ipip gre gue" -- "$2" ;;
    --client-address) compgen -W "none toa proxy-v1 proxy-v2 uoa" -- "$2" ;;
    --sequence-numbers) compgen -W "keep new" -- "$2" ;;
    --announce) compgen -W "kernel external" -- "$2" ;;
    --service) compgen -W "$(_sluicectl_services)" -- "$2" ;;
    --server) compgen -W "$(_sluicectl_servers "")" -- "$2" ;;
    --vip | --local-pool | --interface | --timeout | --weight | --gue-port | --client | --limit) ;;
    *) return 1 ;;
  esac
  return 0  # compgen fails when nothing matches
}

# Second words, services, servers and files, by what is there already.
_sluicectl_place() {
  local -a words=("${@:2}")
  case ${#words[@]}:${words[*]} in
    0:*) compgen -W "status service server snat session counters neighbour reload diff save help" -- "$1" ;;
    1:help) compgen -W "status service server snat session counters neighbour reload diff save" -- "$1" ;;
    1:service | 2:"help service") compgen -W "list show add set delete" -- "$1" ;;
    1:server | 2:"help server") compgen -W "list add set delete howto" -- "$1" ;;
    1:snat | 1:session | 1:neighbour | 2:"help snat" | 2:"help session" | 2:"help neighbour") compgen -W "list" -- "$1" ;;
    2:"service show" | 2:"service set" | 2:"service delete" | 2:"server "*)
      compgen -W "$(_sluicectl_services)" -- "$1"
      ;;
    3:"server set "* | 3:"server delete "*) compgen -W "$(_sluicectl_servers "${words[2]}")" -- "$1" ;;
    1:diff) compgen -f -- "$1" ;;
  esac
}

_sluicectl() {
  # Addresses hold colons: take words as the shell sees them, not split at COMP_WORDBREAKS.
  local line=${COMP_LINE:0:COMP_POINT}
  local -a typed places=() _sluicectl_command
  read -ra typed <<<"$line"
  local current=""
  if [[ $line != *[[:space:]] ]]; then
    current=${typed[-1]}
    unset 'typed[-1]'
  fi
  _sluicectl_command=("${typed[0]}")
  local previous=${typed[-1]} index
  for ((index = 1; index < ${#typed[@]}; index++)); do
    case ${typed[index]} in
      --json | --stats | --all | --write | --exit-code | --help | -h | --*=*) ;;
      --socket) _sluicectl_command+=(--socket "${typed[++index]}") ;;
      --*) ((index++)) ;;
      *) places+=("${typed[index]}") ;;
    esac
  done

  local candidates
  if ! candidates=$(_sluicectl_option_value "$previous" "$current"); then
    if [[ $current == -* ]]; then
      # A command's name has one word or two, and options may come before its FILE: try both.
      local options
      options=$(_sluicectl_options "${places[0]-} ${places[1]-}")
      options=${options:-$(_sluicectl_options "${places[0]-} ")}
      candidates=$(compgen -W "--socket --json --help $options" -- "$current")
    else
      candidates=$(_sluicectl_place "$current" ${places[@]+"${places[@]}"})
    fi
  fi
  # What readline replaces begins after the last colon.
  local kept=""
  if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
    kept=${current%"${current##*:}"}
  fi
  COMPREPLY=()
  local candidate
  while IFS= read -r candidate; do
    if [[ -n $candidate ]]; then
      COMPREPLY+=("${candidate#"$kept"}")
    fi
  done <<<"$candidates"
}

complete -F _sluicectl sluicectl
