# A PostgreSQL server for one test process: it ends when that does, and leaves nothing behind.
#
#   testing.sh BIN BASE NAME    serves on a socket in BASE/NAME, until it is told to end
#
# A new cluster takes a second to make, so one is made under BASE and copied. Its order of text is not the one by
# code points, so that a statement which forgets to ask for that is seen.
set -eu
bin=$1 base=$2 home=$2/$3

mkdir -p -m 700 "$base"
exec 9>"$base/lock"
flock 9
for left in "$base"/[0-9]*; do
    [ -d "/proc/${left##*/}" ] || rm -rf "$left"
done
if ! [ -d "$base/template" ]; then
    rm -rf "$base/making"
    "$bin/initdb" --pgdata "$base/making" --username postgres --auth trust --no-sync --wal-segsize 1 \
        --encoding UTF8 --locale C.UTF-8 --locale-provider icu --icu-locale en
    mv "$base/making" "$base/template"
fi
exec 9>&-

cp -R "$base/template" "$home"
chmod 700 "$home"
"$bin/postgres" -D "$home" -c unix_socket_directories="$home" -c listen_addresses= \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c jit=off &
server=$!
trap 'kill -QUIT $server' TERM
wait $server || wait $server || true
rm -rf "$home"
