"""httpx over HTTP/2 and TLS, synchronous and asynchronous, against `barewire echo --tls-self-signed`."""

import asyncio

import httpx

from checks import base_url, digest, equal, noise

BASE = base_url()
# Nobody has signed the certificate, which was made for this test.
OPTIONS = dict(base_url=BASE, http1=False, http2=True, verify=False, timeout=90, trust_env=False)
BODY = noise(1_000_000)


def check(client):
    response = client.get("/hello")
    equal("GET", (response.status_code, response.text), (200, "Hello, World!"))
    equal("version", response.http_version, "HTTP/2")
    response = client.head("/bytes/1000")
    equal("HEAD", (response.headers["content-length"], response.content), ("1000", b""))
    for status in [204, 304, 404, 500]:
        equal(f"/status/{status}", client.get(f"/status/{status}").status_code, status)
    equal("download", len(client.get("/bytes/16777216").content), 16 << 20)
    sent = {"name": "ü", "list": [1, 2, 3]}
    equal("POST json", client.post("/anything", json=sent).json()["json"], sent)
    response = client.post("/echo", content=BODY[:50_000])
    equal("POST", digest(response.content), digest(BODY[:50_000]))


async def check_many():
    async with httpx.AsyncClient(**OPTIONS) as client:
        got = await asyncio.gather(*(client.get(f"/bytes/{n}") for n in range(80)))
        equal("80 at once", [len(response.content) for response in got], list(range(80)))
        equal("versions", {response.http_version for response in got}, {"HTTP/2"})


with httpx.Client(**OPTIONS) as client:
    check(client)
asyncio.run(check_many())
