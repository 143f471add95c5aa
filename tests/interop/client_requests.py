"""requests against `barewire echo`."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from checks import base_url, digest, equal, noise, pieces, streamed_over_a_second, true

BASE = base_url()
TIMEOUT = 90


def connections_opened(session):
    pools = session.get_adapter(BASE).poolmanager.pools
    return sum(pools[key].num_connections for key in pools.keys())


def check_basics(session):
    response = session.get(BASE + "/hello", timeout=TIMEOUT)
    equal("GET /hello: status", response.status_code, 200)
    equal("GET /hello: text", response.text, "Hello, World!")
    true(
        "GET /hello: type", response.headers["content-type"].startswith("text/plain"), "text/plain"
    )
    true("GET /hello: date", "date" in response.headers, "a Date header")

    response = session.get(
        BASE + "/anything", params={"a": ["1", "2"], "b": "x y"}, timeout=TIMEOUT
    )
    seen = response.json()
    equal("GET /anything: args", seen["args"], {"a": ["1", "2"], "b": "x y"})
    true("GET /anything: agent", seen["headers"]["user-agent"].startswith("python-requests/"))
    true("GET /anything: url", seen["url"].endswith("/anything?a=1&a=2&b=x+y"), "the whole URL")

    sent = {"name": "ü", "list": [1, 2, 3]}
    equal(
        "POST json",
        session.post(BASE + "/anything", json=sent, timeout=TIMEOUT).json()["json"],
        sent,
    )
    seen = session.post(BASE + "/anything", data={"k": "v w"}, timeout=TIMEOUT).json()
    equal("POST form: data", seen["data"], "k=v+w")
    equal("POST form: json", seen["json"], None)
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS"]:
        seen = session.request(method, BASE + "/anything", timeout=TIMEOUT).json()
        equal(f"{method}: method", seen["method"], method)
    files = {"file": ("name.bin", noise(20_000))}
    response = session.post(BASE + "/echo", files=files, timeout=TIMEOUT)
    true("multipart", noise(20_000) in response.content, "the file's bytes in the echo")
    seen = session.get(BASE + "/headers", headers={"X-Long": "v" * 4000}, timeout=TIMEOUT).json()
    equal("a long header", seen["headers"]["x-long"], "v" * 4000)


def check_statuses(session):
    response = session.head(BASE + "/bytes/1000", timeout=TIMEOUT)
    equal(
        "HEAD",
        (response.status_code, response.headers["content-length"], response.content),
        (200, "1000", b""),
    )
    for status in [204, 304, 400, 404, 418, 500, 503]:
        response = session.get(f"{BASE}/status/{status}", timeout=TIMEOUT)
        equal(f"/status/{status}", response.status_code, status)
    response = session.get(BASE + "/redirect/3", timeout=TIMEOUT)
    equal("redirects", [step.status_code for step in response.history], [302, 302, 302])
    equal("redirects: end", response.text, "Hello, World!")


def check_bodies(session):
    # requests reads nothing before it has sent all, so the echo of a large body would wait for
    # ever.
    body = noise(50_000)
    response = session.post(
        BASE + "/echo", data=body, headers={"Content-Type": "x/noise"}, timeout=TIMEOUT
    )
    equal("POST with Content-Length", digest(response.content), digest(body))
    equal("POST: type comes back", response.headers["content-type"], "x/noise")
    response = session.post(BASE + "/echo", data=pieces(body, 777), timeout=TIMEOUT)
    equal("POST in chunks", digest(response.content), digest(body))
    equal("POST of nothing", session.post(BASE + "/echo", timeout=TIMEOUT).content, b"")

    text = json.dumps(["large"] * 100_000)
    seen = session.post(BASE + "/anything", data=pieces(text.encode()), timeout=TIMEOUT).json()
    equal("chunked POST of 900 kB", digest(seen["data"].encode()), digest(text.encode()))

    url = BASE + "/bytes/5000000"
    with session.get(url, stream=True, timeout=TIMEOUT) as response:
        streamed = b"".join(response.iter_content(10_000))
    equal("streamed download", digest(streamed), digest(session.get(url, timeout=TIMEOUT).content))

    start = time.monotonic()
    with session.get(BASE + "/drip?bytes=10&seconds=1", stream=True, timeout=TIMEOUT) as response:
        arrivals = [time.monotonic() - start for _ in response.iter_content(1)]
    equal("drip: length", len(arrivals), 10)
    streamed_over_a_second("drip", arrivals)


def check_trailers(session):
    asked = {"TE": "trailers", "Connection": "TE"}
    response = session.get(BASE + "/trailers", headers=asked, timeout=TIMEOUT)
    equal("trailers: status", response.status_code, 200)
    true("trailers: announced", response.headers.get("trailer"), "a Trailer header")


def check_many():
    def fetch(n):
        return len(shared.get(f"{BASE}/bytes/{n}", timeout=TIMEOUT).content)

    with requests.Session() as shared, ThreadPoolExecutor(10) as pool:
        equal("60 requests by 10 threads", list(pool.map(fetch, range(60))), list(range(60)))


with requests.Session() as session:
    session.trust_env = False
    check_basics(session)
    check_statuses(session)
    check_bodies(session)
    check_trailers(session)
    equal("all on one connection", connections_opened(session), 1)
check_many()
