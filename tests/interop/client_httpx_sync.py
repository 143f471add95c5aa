"""httpx, its blocking client, against `barewire echo`."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from checks import base_url, digest, equal, noise, pieces, streamed_over_a_second

BASE = base_url()


def local_port(response):
    return response.extensions["network_stream"].get_extra_info("client_addr")[1]


def check_basics(client):
    response = client.get("/hello")
    equal("GET /hello", (response.status_code, response.text), (200, "Hello, World!"))
    equal("GET /hello: version", response.http_version, "HTTP/1.1")
    seen = client.get("/anything", params=[("a", "1"), ("a", "2"), ("b", "ü")]).json()
    equal("GET /anything: args", seen["args"], {"a": ["1", "2"], "b": "ü"})
    seen = client.get("/anything", headers=[("X-Twice", "1"), ("X-Twice", "2")]).json()
    equal("GET /anything: repeated header", seen["headers"]["x-twice"], ["1", "2"])
    sent = {"name": "ü", "list": [1, 2, 3]}
    equal("POST json", client.post("/anything", json=sent).json()["json"], sent)
    seen = client.post("/anything", data={"k": "v w"}).json()
    equal("POST form", seen["data"], "k=v+w")
    response = client.head("/bytes/1000")
    equal("HEAD", (response.headers["content-length"], response.content), ("1000", b""))
    for status in [204, 304, 404, 500]:
        equal(f"/status/{status}", client.get(f"/status/{status}").status_code, status)
    response = client.get("/redirect/3", follow_redirects=True)
    equal("redirects", (len(response.history), response.text), (3, "Hello, World!"))
    response = client.get("/trailers", headers={"TE": "trailers", "Connection": "TE"})
    equal("trailers: status", response.status_code, 200)


def check_bodies(client):
    # httpx reads nothing before it has sent all, so the echo of a large body would wait for ever.
    body = noise(50_000)
    response = client.post("/echo", content=body, headers={"Content-Type": "x/noise"})
    equal("POST with Content-Length", digest(response.content), digest(body))
    equal("POST: type comes back", response.headers["content-type"], "x/noise")
    response = client.post("/echo", content=pieces(body, 777))
    equal("POST in chunks", digest(response.content), digest(body))

    whole = client.get("/bytes/5000000").content
    with client.stream("GET", "/bytes/5000000") as response:
        equal("streamed download", digest(b"".join(response.iter_raw())), digest(whole))

    start = time.monotonic()
    with client.stream("GET", "/drip?bytes=10&seconds=1") as response:
        arrivals = [time.monotonic() - start for _ in response.iter_raw()]
    streamed_over_a_second("drip", arrivals)


def check_many():
    with httpx.Client(base_url=BASE, timeout=90, trust_env=False) as client, ThreadPoolExecutor(
        10
    ) as pool:
        got = list(pool.map(lambda n: len(client.get(f"/bytes/{n}").content), range(60)))
    equal("60 requests by 10 threads", got, list(range(60)))


with httpx.Client(base_url=BASE, timeout=90, trust_env=False) as client:
    first = local_port(client.get("/hello"))
    check_basics(client)
    check_bodies(client)
    equal("all on one connection", local_port(client.get("/hello")), first)

    # What is left of an answer that nobody reads to its end must not be felt by the next request.
    with client.stream("GET", "/bytes/5000000") as response:
        next(response.iter_raw())
    equal("after an abandoned download", client.get("/hello").text, "Hello, World!")
check_many()
