# shellcheck shell=bash
# The server of scripts/try: set up once, started on a port of this machine, stopped, and this machine's activation.
# Needs TRY (the folder of all state), this_script and lib.sh from its caller.

readonly DATA=$TRY/server
STARTED=""

server() { "$TRY/bin/holdfast-server" "$@" --data "$DATA"; }
server_url() { echo "https://127.0.0.1:$(cat "$TRY/port")"; }

# once NAME COMMAND...: runs it unless an earlier call came to its end.
once() {
  local done=$TRY/.done-$1
  shift
  [[ ! -e $done ]] || return 0
  "$@"
  touch "$done"
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The port of this server: the one that it had, else the first that nobody listens on.
choose_port() {
  local port
  for port in {8443..8499}; do
    port_open "$port" || { echo "$port" >"$TRY/port" && return 0; }
  done
  die "no free port between 8443 and 8499 on this machine"
}

# Sets the data folder up. What an earlier, broken attempt left there was never used.
server_init() {
  rm -rf "$DATA"
  choose_port
  (umask 077 && server init --listen "127.0.0.1:$(cat "$TRY/port")" --url "$(server_url)" >"$TRY/init.txt")
}

# The id of our running server's process, if one runs.
server_pid() {
  local pid
  pid=$(cat "$TRY/server.pid" 2>/dev/null) || return 1
  [[ $({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null) == *"holdfast-server serve"*"$DATA"* ]] && echo "$pid"
}

server_start() {
  once init server_init
  server_pid >/dev/null && return 0
  local port
  port=$(cat "$TRY/port")
  ! port_open "$port" || die "another program listens on port $port, which this server had. Stop that program, or start
anew with: $(this_script) --remove"
  say "Starting the server on $(server_url)"
  setsid "$TRY/bin/holdfast-server" serve --data "$DATA" --listen "127.0.0.1:$port" \
    >>"$TRY/server.log" 2>&1 </dev/null &
  echo $! >"$TRY/server.pid"
  STARTED=1
  server_wait "$port"
}

# Waits until the server answers; ends when its process does.
server_wait() {
  until port_open "$1"; do
    [[ -n $(jobs -pr) ]] || { tail -n 20 "$TRY/server.log" >&2 && die "the server ended; its log is $TRY/server.log"; }
    sleep 0.1
  done
}

# Ends the server and waits for it. Half a minute is far more than it takes; it survives a kill after that, too.
server_stop() {
  local pid tries=0
  if pid=$(server_pid); then
    kill "$pid"
    while server_pid >/dev/null; do
      ((++tries != 300)) || kill -9 "$pid"
      sleep 0.1
    done
    say "The server was stopped."
  else
    say "No server runs."
  fi
  rm -f "$TRY/server.pid"
}

server_stop_own() { [[ -z $STARTED ]] || server_stop >&2; }

# The caller's name as a user of the server may have it; in a container an id may have none.
user_name() {
  local name
  name=$(id -un 2>/dev/null) || name=""
  name=${name//[^[:alnum:]._@-]/-}
  echo "${name:-user-$(id -u)}"
}

# Makes this machine a device of a user with the caller's name.
activate() {
  local user
  user=$(user_name)
  once user unless_there server user add "$user"
  once activate activate_device "$user"
}

# The token goes through a pipe, as a secret must not be seen in the list of processes.
activate_device() {
  local token
  token=$(server token create --user "$1" --json | sed -n 's/.*"token": *"\([^"]*\)".*/\1/p')
  [[ -n $token ]] || die "the server gave no token"
  # What it says to do next is for whoever has the program on the PATH.
  unless_there "$TRY/bin/holdfast" activate - <<<"$token" >/dev/null
  say "This machine is now a device of $1."
}

# Runs a command that may find its work done (status 11) by an earlier call that was interrupted.
unless_there() { "$@" || (($? == 11)); }
