#!/bin/sh
# SPDX-License-Identifier: MIT
#
# examples/server/cdn.sh [REQUESTS]: the shop behind a cache, as behind a CDN: nginx on 127.0.0.1 with proxy_cache before
# four server processes. Sends it REQUESTS (4,000) event views and searches, some far more often than others, and shows how
# many never reached the shop; then changes a price and cancels the event, and shows when the cache tells so. Ends what it
# started.
set -eu
requests=${1:-4000}
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
command -v nginx >/dev/null 2>&1 || { echo "cdn.sh needs nginx (Debian: nginx-light)" >&2; exit 1; }
work=$(mktemp -d)
server= front=
trap '[ -z "$front" ] || kill "$front" 2>/dev/null; [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null; rm -rf "$work"' EXIT

: >"$work/out"
examples/server/serve.sh --port 0 --processes 4 --store "$work/store" >"$work/out" 2>"$work/err" &
server=$!
i=0
until grep -q '^serving on ' "$work/out"; do
    i=$((i + 1))
    [ $i -lt 600 ] && kill -0 "$server" 2>/dev/null || { cat "$work/err" >&2; exit 1; }
    sleep 0.1
done
shop=$(sed -n 's/^serving on http:\/\/\(.*\)\/$/\1/p' "$work/out")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

mkdir -p "$work/cache" "$work/tmp"
[ "$(id -u)" != 0 ] || as="user root;" # whose folders these are
cat >"$work/nginx.conf" <<CONF
daemon off; ${as:-} pid $work/nginx.pid; error_log $work/error.log warn; worker_processes 1;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path $work/tmp; proxy_temp_path $work/tmp; fastcgi_temp_path $work/tmp;
    uwsgi_temp_path $work/tmp; scgi_temp_path $work/tmp;
    proxy_cache_path $work/cache levels=1:2 keys_zone=shop:8m max_size=256m inactive=10m;
    upstream shop { server $shop; keepalive 32; }
    server {
        listen 127.0.0.1:$port;
        # What is one's own, and what streams, is passed on as it is.
        location / { proxy_pass http://shop; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
                     proxy_set_header X-Forwarded-For \$remote_addr; }
        # Events and searches: fresh for as long as the shop says, then asked for again by their entity tag, once.
        location ~ ^/(events/(search|facets|[0-9]+)\$|suggestions) {
            proxy_pass http://shop; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_cache shop; proxy_cache_key \$request_uri\$http_accept; proxy_cache_lock on; proxy_cache_revalidate on;
            proxy_cache_background_update on; proxy_cache_use_stale updating error timeout http_502 http_503;
            proxy_cache_bypass \$http_x_revalidate;
            add_header X-Cache \$upstream_cache_status always;
        }
    }
}
CONF
nginx -p "$work" -c "$work/nginx.conf" 2>"$work/nginx.err" &
front=$!

python3 - "$port" "$shop" "$requests" "$root/build/examples/cli/ticketing" "$work/store" <<'PY'
import http.client, json, random, subprocess, sys, time
port, shop, requests, tool, store = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]

def get(path, headers={}, to=port, host="127.0.0.1"):
    connection = http.client.HTTPConnection(host, to, timeout=10)
    connection.request("GET", path, headers={"Accept": "application/json", **headers})
    answer = connection.getresponse()
    body = answer.read()
    assert body.startswith((b"{", b"[")), (path, answer.status, body[:200])
    return answer.status, answer.headers.get("X-Cache"), json.loads(body)

for _ in range(200):
    try:
        if get("/ready")[0] == 200:
            break
    except (OSError, ValueError):
        time.sleep(0.05)
else:
    sys.exit("the cache or the shop does not come up")

rng = random.Random(7)
paths = [f"/events/{i}" for i in range(1, 401)] + [f"/events/search?keyword={w}&pageSize=20" for w in
         ("mahler", "symphony", "football", "rust", "toronto", "opera", "jazz", "conference", "united", "city")]
weights = [1 / (i + 1) for i in range(len(paths))]
rng.shuffle(paths)
seen, began = {}, time.monotonic()
for path in rng.choices(paths, weights, k=requests):
    status, cache, _ = get(path)
    assert status == 200, (path, status)
    seen[cache] = seen.get(cache, 0) + 1
seconds = time.monotonic() - began
hits = sum(n for kind, n in seen.items() if kind in ("HIT", "STALE", "UPDATING"))
print(f"{requests} requests in {seconds:.1f} s: {100 * hits / requests:.1f} % answered by the cache; {dict(sorted(seen.items(), key=str))}")

event = get("/events/search?available=true&keyword=philharmonic&pageSize=1")[2][0]["id"]
path = f"/events/{event}"

def until(what, change, wanted):
    """The cache has the old answer; after the change it is asked as browsers ask, and once with revalidation forced."""
    get(path)
    subprocess.run([tool, "-s", store, *change], check=True, stdout=subprocess.DEVNULL)
    at = time.monotonic()
    forced = get(path, {"X-Revalidate": "1"})[2]
    assert wanted(forced), forced
    forced_ms = (time.monotonic() - at) * 1000
    print(f"{what}: seen {forced_ms:.1f} ms after the change by who revalidates", end="")
    while not wanted(get(path)[2]):
        assert time.monotonic() - at < 15, "never seen"
        time.sleep(0.01)
    print(f", {time.monotonic() - at:.2f} s by everybody")

until("a price", ["price", str(event), "*", "99.00", "USD"], lambda e: any(p["price"] and p["price"]["minor"] == 9900 for p in e["prices"]))
# Nobody forces anything: the cache keeps to max-age and stale-while-revalidate.
get(path)
subprocess.run([tool, "-s", store, "status", str(event), "cancelled"], check=True, stdout=subprocess.DEVNULL)
at = time.monotonic()
while get(path)[2]["status"] != "cancelled":
    assert time.monotonic() - at < 15, "never seen"
    time.sleep(0.01)
print(f"a cancelled event: seen {time.monotonic() - at:.2f} s after by everybody, nothing forced (max-age is 1 s)")
PY
