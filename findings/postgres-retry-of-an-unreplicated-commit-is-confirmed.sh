#!/usr/bin/env bash
# PostgreSQL 15.18 (Debian 12's packages): a commit that waits for its synchronous standby is neither confirmed nor seen
# by anybody. Once the server was restarted, after a crash or in good order, everybody sees the row, which no standby
# has. The client, which was cut off, does what is usual and sends the same insert, with `on conflict do nothing`. One
# would guess that this waits like the first, with synchronous_commit on and still no standby. It is confirmed at once:
# it wrote nothing, so it has nothing to wait for. So is a query that looks whether the row is there. If a standby is
# promoted now, a row that was confirmed is gone. Whatever writes does wait.
#
# What we do: before store/postgres acknowledges a record that it finds already written (after a cut connection, or
# because a new process sends the same record id) it commits an update that changes nothing, and waits for that.
#
# Seen, and compared with:
#> server 15.18 (Debian 15.18-0+deb12u1), synchronous_commit on, synchronous_standby_names *
#> stopped by: immediate
#>   insert of row 1: waits; others see 0 rows
#>   after the restart: others see 1 rows; standbys 0
#>   row 1 again, on conflict do nothing: INSERT 0 0
#>   an update that changes nothing: waits
#> stopped by: fast
#>   insert of row 2: waits; others see 1 rows
#>   after the restart: others see 2 rows; standbys 0
#>   row 2 again, on conflict do nothing: INSERT 0 0
#>   an update that changes nothing: waits
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

start() { as "$bin/pg_ctl" -D "$dir/run/data" -w -l log -o "-c listen_addresses= -k $dir/run" start > "$dir/said"; }
sql() { as timeout 30 "$bin/psql" -XAtc "$1"; }
# waiting fails unless the commit under way comes to wait for a standby.
waiting() {
  for _ in {1..100}; do
    [ "$(sql "select count(*) from pg_stat_activity where wait_event = 'SyncRep'")" -eq 0 ] || return 0
    sleep 0.1
  done
  echo 'finding: the commit does not wait' >&2
  return 1
}
rows() { sql 'select count(*) from t'; }

as "$bin/initdb" -D "$dir/run/data" -U postgres -A trust --no-locale -N > "$dir/said"
start
sql 'create table t (id int primary key)' > "$dir/said"
sql "alter system set synchronous_standby_names = '*'" > "$dir/said"
stop fast
start
{
  echo "server $(sql 'show server_version'), synchronous_commit $(sql 'show synchronous_commit')," \
    "synchronous_standby_names $(sql 'show synchronous_standby_names')"
  id=0
  for mode in immediate fast; do
    id=$((id + 1))
    echo "stopped by: $mode"
    sql "insert into t values ($id)" > "$dir/said" 2>&1 &
    client=$!
    waiting
    echo "  insert of row $id: waits; others see $(rows) rows"
    stop $mode
    if wait $client; then echo '  the client was told that it is done'; fi
    start
    echo "  after the restart: others see $(rows) rows; standbys $(sql 'select count(*) from pg_stat_replication')"
    echo "  row $id again, on conflict do nothing: $(sql "insert into t values ($id) on conflict do nothing")"
    sql "update t set id = id where id = $id" > "$dir/said" 2>&1 &
    client=$!
    waiting
    echo '  an update that changes nothing: waits'
    stop fast
    if wait $client; then echo '  the client was told that it is done'; fi
    start
  done
} > "$dir/seen"
diff <(sed -n 's/^#> //p' "$self") "$dir/seen" || { echo 'finding: it behaves otherwise now (above)' >&2; exit 1; }
echo 'finding: as it was'
