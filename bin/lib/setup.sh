# What Guildhall needs of the system, installed when it is missing. Sourced by bin/test and bin/run.

export LC_ALL="${LC_ALL:-C.UTF-8}"

# need_command COMMAND PACKAGE: remembers PACKAGE if there is no COMMAND.
# need_file FILE PACKAGE: the same for a file or a folder.
# install_needed: installs what was remembered.
needed=()
need_command() { command -v "$1" >/dev/null || needed+=("$2"); }
need_file() { [ -e "$1" ] || needed+=("$2"); }

install_needed() {
  [ ${#needed[@]} -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "Please install with this system's package manager what Debian calls: ${needed[*]}" >&2
    exit 1
  fi
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo)
  echo "Installing ${needed[*]}"
  "${root[@]}" apt-get update -qq >/dev/null
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${needed[@]}" >/dev/null
  needed=()
}

# Erlang and Elixir, with the parts of OTP that Guildhall runs on, and a C compiler for zstd.
setup_runtime() {
  need_command elixir elixir
  need_command cc gcc
  if command -v dpkg >/dev/null; then
    need_file /usr/include/stdlib.h libc6-dev
    # An Erlang from elsewhere brings all of OTP.
    if ! command -v erl >/dev/null || dpkg -s erlang-base >/dev/null 2>&1; then
      local part
      for part in crypto public-key ssl asn1 inets os-mon tools runtime-tools; do
        dpkg -s "erlang-$part" >/dev/null 2>&1 || needed+=("erlang-$part")
      done
    fi
  fi
  install_needed
}

# What only the tests need.
setup_tests() {
  need_command dialyzer erlang-dialyzer
  need_command pgrep procps
  erl -noshell -eval 'halt(case code:lib_dir(proper) of {error, _} -> 1; _ -> 0 end).' ||
    needed+=(erlang-proper)
  erl -noshell -eval 'halt(case code:lib_dir(jiffy) of {error, _} -> 1; _ -> 0 end).' ||
    needed+=(erlang-jiffy)
  erl -noshell -eval 'halt(case code:lib_dir(xmerl) of {error, _} -> 1; _ -> 0 end).' ||
    needed+=(erlang-xmerl)
  erl -noshell -eval 'halt(case code:lib_dir(eunit) of {error, _} -> 1; _ -> 0 end).' ||
    needed+=(erlang-eunit)
  install_needed
}

# Node and Python for the client libraries of the conformance tests, and what compiles erlpack for Node.
setup_clients() {
  need_command node nodejs
  need_command npm npm
  need_command python3 python3
  need_command g++ g++
  need_command make make
  python3 -c 'import ensurepip' 2>/dev/null || needed+=(python3-venv)
  install_needed
  # A Node from elsewhere brings its headers.
  need_file "$(node_prefix)/include/node/node.h" libnode-dev
  install_needed
}

node_prefix() { dirname "$(dirname "$(readlink -f "$(command -v node)")")"; }

# Rust 1.91 or newer; Debian's own is older.
setup_rust() {
  export PATH="$PATH:$HOME/.cargo/bin"
  rust_is_new_enough && return 0
  # Debian 12 knows the name and has no such package; later ones have.
  if command -v apt-cache >/dev/null && apt-cache policy rustup | grep -q 'Candidate: [0-9]'; then
    needed+=(rustup)
    install_needed
    rustup toolchain install stable --profile minimal --component clippy --component rustfmt
    rust_is_new_enough && return 0
  fi
  cat >&2 <<'TEXT'
Guildhall needs Rust 1.91 or newer (with clippy and rustfmt for the tests), and this system's
packages have none. Please install it with rustup, so that `cargo --version` works in this shell,
and run this again.
TEXT
  exit 1
}

rust_is_new_enough() {
  local version
  version=$(cargo --version 2>/dev/null | cut -d ' ' -f 2) || return 1
  [ -n "$version" ] && printf '%s\n' 1.91 "${version%%-*}" | sort -C -V
}
