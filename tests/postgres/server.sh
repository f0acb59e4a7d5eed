# A PostgreSQL server for one run of tests: it ends when the run does, and leaves nothing behind.
#
#   server.sh BIN BASE          makes an empty cluster in BASE/template, unless there is one
#   server.sh BIN BASE OWNER    serves on a socket in BASE/OWNER for as long as there is a process OWNER;
#                               does nothing where a server of that run is there, or on its way
#
# A new cluster takes a second to make, so one is made and copied. Its order of text is not the one by code points,
# so that a statement which forgets to ask for that is seen.
set -eu
bin=$1 base=$2 owner=${3:-}

mkdir -p -m 700 "$base"
exec 9>"$base/lock"
flock 9
# What is left of tests that were killed begins with the id of their process.
for left in "$base"/[0-9]*; do
    process=${left##*/}
    [ -d "/proc/${process%%-*}" ] || rm -rf "$left"
done
if ! [ -d "$base/template" ]; then
    rm -rf "$base/making"
    "$bin/initdb" --pgdata "$base/making" --username postgres --auth trust --no-sync --wal-segsize 1 \
        --encoding UTF8 --locale C.UTF-8 --locale-provider icu --icu-locale en
    mv "$base/making" "$base/template"
fi
home=$base/$owner
if [ -z "$owner" ] || [ -d "$home" ]; then
    exit
fi
cp -R "$base/template" "$home"
chmod 700 "$home"
exec 9>&-

"$bin/postgres" -D "$home" -c unix_socket_directories="$home" -c listen_addresses= -c max_connections=300 \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c jit=off -c autovacuum=off &
server=$!
while [ -d "/proc/$owner" ] && [ -d "/proc/$server" ]; do
    sleep 0.5
done
kill -QUIT $server || true
wait $server || true
rm -rf "$home"
