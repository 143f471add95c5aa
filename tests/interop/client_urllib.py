"""urllib and the http.client below it against `barewire echo`."""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from checks import base_url, digest, equal, noise, pieces, streamed_over_a_second

BASE = base_url()
TIMEOUT = 90


def fetch(target, **options):
    request = urllib.request.Request(BASE + target, **options)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        return response.status, response.headers, response.read()


def failing_status(target):
    try:
        return fetch(target)[0]
    except urllib.error.HTTPError as error:
        with error:
            error.read()
        return error.code


def check_urllib():
    status, headers, body = fetch("/hello")
    equal("GET /hello: status", status, 200)
    equal("GET /hello: body", body, b"Hello, World!")
    equal("GET /hello: type", headers.get_content_type(), "text/plain")

    query = urllib.parse.urlencode([("a", "1"), ("a", "2"), ("b", "x y&ü")])
    seen = json.loads(fetch(f"/anything?{query}", headers={"X-Probe": "yes"})[2])
    equal("GET /anything: args", seen["args"], {"a": ["1", "2"], "b": "x y&ü"})
    equal("GET /anything: header", seen["headers"]["x-probe"], "yes")

    sent = {"name": "ü", "list": [1, 2.5, None, True]}
    data = json.dumps(sent).encode()
    seen = json.loads(
        fetch("/anything", data=data, headers={"Content-Type": "application/json"})[2]
    )
    equal("POST /anything: method", seen["method"], "POST")
    equal("POST /anything: json", seen["json"], sent)

    # urllib reads nothing before it has sent all, so the echo of a large body would wait for ever.
    body = noise(50_000)
    headers = {"Content-Type": "application/x-noise"}
    status, headers, got = fetch("/echo", data=body, headers=headers)
    equal("POST with Content-Length", digest(got), digest(body))
    equal("POST: type comes back", headers["Content-Type"], "application/x-noise")
    got = fetch("/echo", data=pieces(body), method="PUT")[2]
    equal("PUT in chunks", digest(got), digest(body))

    text = "large ü " * 100_000
    seen = json.loads(
        fetch("/anything", data=text.encode(), headers={"Content-Type": "text/plain"})[2]
    )
    equal("POST of 900 kB", digest(seen["data"].encode()), digest(text.encode()))

    status, headers, got = fetch("/bytes/1000", method="HEAD")
    equal(
        "HEAD: status, length, body", (status, headers["Content-Length"], got), (200, "1000", b"")
    )
    equal("204", fetch("/status/204")[::2], (204, b""))
    equal("304", failing_status("/status/304"), 304)
    equal("404", failing_status("/status/404"), 404)
    equal("500", failing_status("/status/500"), 500)
    equal("redirects are followed", fetch("/redirect/3")[2], b"Hello, World!")
    equal(
        "the same bytes each time",
        digest(fetch("/bytes/5000000")[2]),
        digest(fetch("/bytes/5000000")[2]),
    )

    start = time.monotonic()
    with urllib.request.urlopen(BASE + "/drip?bytes=10&seconds=1", timeout=TIMEOUT) as response:
        first = response.read(1)
        first_after = time.monotonic() - start
        rest = response.read()
        all_after = time.monotonic() - start
    equal("drip: length", len(first + rest), 10)
    streamed_over_a_second("drip", [first_after, all_after])

    with ThreadPoolExecutor(16) as pool:
        bodies = list(pool.map(lambda n: fetch(f"/bytes/{n}")[2], range(1000, 1064)))
    equal("64 requests by 16 threads", [len(body) for body in bodies], list(range(1000, 1064)))


def check_http_client():
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(BASE).netloc, timeout=TIMEOUT)
    connection.connect()
    socket = connection.sock

    def ask(method, target, **options):
        connection.request(method, target, **options)
        response = connection.getresponse()
        return response.status, response.read()

    hello = (200, b"Hello, World!")
    equal("keep-alive: first", ask("GET", "/hello"), hello)
    equal("keep-alive: HEAD", ask("HEAD", "/hello"), (200, b""))
    equal("keep-alive: 204", ask("GET", "/status/204"), (204, b""))
    equal("keep-alive: 304", ask("GET", "/status/304"), (304, b""))
    equal("keep-alive: chunked answer", len(ask("GET", "/drip?bytes=20&seconds=0.1")[1]), 20)
    chunked = {
        "body": pieces(b"x" * 30_000),
        "encode_chunked": True,
        "headers": {"Transfer-Encoding": "chunked"},
    }
    equal("keep-alive: chunked request", ask("POST", "/echo", **chunked), (200, b"x" * 30_000))
    asked = {"headers": {"TE": "trailers", "Connection": "TE"}}
    equal("keep-alive: trailers", ask("GET", "/trailers", **asked)[0], 200)
    # http.client reads trailers only to drop them: what counts is that it finds the next answer.
    equal("keep-alive: after trailers", ask("GET", "/hello"), hello)
    equal(
        "keep-alive: body that no route reads",
        ask("POST", "/hello", body=b"x" * 10_000)[0] // 100 in (2, 4),
        True,
    )
    if connection.sock is socket:
        equal("keep-alive: last", ask("GET", "/hello"), hello)
    connection.close()


check_urllib()
check_http_client()
