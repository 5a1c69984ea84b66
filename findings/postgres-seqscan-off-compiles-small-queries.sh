#!/usr/bin/env bash
# PostgreSQL 15.18 (Debian 12's packages): with enable_seqscan off, which is there to have indexes used, a query of
# three rows that has no index to use is compiled by LLVM first. One would guess that it runs as before, since there is
# only one plan for it. But what the setting does is to add 10 000 000 000 to the plan's cost, and a cost above
# jit_above_cost, 100 000 by default, is what asks for compiling: with all optimizations, and anew each time. EXPLAIN
# (ANALYZE) told of 180 ms for it when the machine was quiet, and of 0.02 ms for the query as usual.
#
# What we do: a turn of store/postgres, which locks a table of one row without an index, sets enable_seqscan off for the
# statements beside that, and therefore jit off, too.
#
# Seen, and compared with:
#> server 15.18 (Debian 15.18-0+deb12u1), jit on, jit_above_cost 100000
#> enable_seqscan on
#>   select * from t where n = 2: not compiled
#>   select * from t for update: not compiled
#>   select * from t where id = 2: not compiled
#> enable_seqscan off
#>   select * from t where n = 2: compiled, all optimizations
#>   select * from t for update: compiled, all optimizations
#>   select * from t where id = 2: not compiled
#> enable_seqscan off, jit off
#>   select * from t where n = 2: not compiled
#>   select * from t for update: not compiled
#>   select * from t where id = 2: not compiled
#
# Needs Debian 12 and its current lists of packages (apt-get update).
set -euo pipefail
export LC_ALL=C
self=$(realpath "${BASH_SOURCE[0]}")
dir=$(mktemp -d)
bin= # of the server, once it is unpacked
unset "${!PG@}"
as() { env HOME="$dir/run" "$@"; } # the server refuses to be root, see below
stop() { as "$bin/pg_ctl" -D "$dir/run/data" -w -m "$1" stop > "$dir/said"; }
trap 'stop immediate 2> "$dir/said" || true; rm -rf "$dir"' EXIT
chmod 711 "$dir"
mkdir "$dir/root" "$dir/run"

if [ "$(id -u)" -eq 0 ]; then
  chown nobody "$dir/run"
  as() { setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$dir/run" "$@"; }
fi

# The pinned packages, and what of theirs this machine lacks.
pinned=({postgresql-15,postgresql-client-15,libpq5}=15.18-0+deb12u1)
cd "$dir/root"
apt-get -qq -s --no-install-recommends --allow-downgrades install "${pinned[@]}" |
  awk '/^Inst/ && $2 !~ /^(postgresql(-client)?-15|libpq5)$/ { print $2 }' > lacking
mapfile -t lacking < lacking
apt-get -qq -o APT::Sandbox::User=root download "${pinned[@]}" "${lacking[@]}"
for deb in *.deb; do dpkg -x "$deb" .; done
bin=$(dirname "$(find "$dir/root" -name initdb -type f)")
libraries=$(dirname "$(find "$dir/root" -name 'libpq.so.5')")
export LD_LIBRARY_PATH=$libraries PGHOST=$dir/run PGUSER=postgres PGDATABASE=postgres
cd "$dir/run"

sql() { as timeout 30 "$bin/psql" -XqAtc "$1"; }
# compiled tells what the server says of a query that it ran under these settings.
compiled() {
  local plan
  plan=$(sql "$1; explain (analyze) $2")
  case $plan in
    *'Inlining true, Optimization true'*) echo "  $2: compiled, all optimizations" ;;
    *JIT:*) echo "  $2: compiled" ;;
    *'Execution Time'*) echo "  $2: not compiled" ;;
  esac
}

as "$bin/initdb" -D "$dir/run/data" -U postgres -A trust --no-locale -N > "$dir/said"
as "$bin/pg_ctl" -D "$dir/run/data" -w -l log -o "-c listen_addresses= -k $dir/run" start > "$dir/said"
sql 'create table t (id int primary key, n int); insert into t values (1, 1), (2, 2), (3, 3)'
{
  echo "server $(sql 'show server_version'), jit $(sql 'show jit'), jit_above_cost $(sql 'show jit_above_cost')"
  for settings in 'enable_seqscan on' 'enable_seqscan off' 'enable_seqscan off, jit off'; do
    echo "$settings"
    set="set ${settings//, /; set }"
    set=${set// on/ = on} set=${set// off/ = off}
    compiled "$set" 'select * from t where n = 2'
    compiled "$set" 'select * from t for update'
    compiled "$set" 'select * from t where id = 2'
  done
} > "$dir/seen"
diff <(sed -n 's/^#> //p' "$self") "$dir/seen" || { echo 'finding: it behaves otherwise now (above)' >&2; exit 1; }
echo 'finding: as it was'
