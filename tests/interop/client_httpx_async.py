"""httpx, its asynchronous client, against `barewire echo`."""

import asyncio
import time

import httpx

from checks import base_url, digest, equal, noise, pieces, streamed_over_a_second, true

BASE = base_url()


def local_port(response):
    return response.extensions["network_stream"].get_extra_info("client_addr")[1]


async def check_one_connection(client):
    first = await client.get("/hello")
    equal("GET /hello", (first.status_code, first.text), (200, "Hello, World!"))
    response = await client.head("/bytes/1000")
    equal("HEAD", (response.headers["content-length"], response.content), ("1000", b""))
    for status in [204, 304, 404, 500]:
        equal(f"/status/{status}", (await client.get(f"/status/{status}")).status_code, status)
    response = await client.get("/redirect/3", follow_redirects=True)
    equal("redirects", (len(response.history), response.text), (3, "Hello, World!"))
    sent = {"name": "ü", "list": [1, 2, 3]}
    equal("POST json", (await client.post("/anything", json=sent)).json()["json"], sent)

    # httpx reads nothing before it has sent all, so the echo of a large body would wait for ever.
    body = noise(50_000)

    async def chunks():
        for piece in pieces(body, 777):
            yield piece

    response = await client.post("/echo", content=body)
    equal("POST with Content-Length", digest(response.content), digest(body))
    response = await client.post("/echo", content=chunks())
    equal("POST in chunks", digest(response.content), digest(body))

    start = time.monotonic()
    async with client.stream("GET", "/drip?bytes=10&seconds=1") as response:
        arrivals = [time.monotonic() - start async for _ in response.aiter_raw()]
    streamed_over_a_second("drip", arrivals)

    response = await client.get("/trailers", headers={"TE": "trailers", "Connection": "TE"})
    equal("trailers: status", response.status_code, 200)
    last = await client.get("/hello")
    equal("all on one connection", local_port(last), local_port(first))


async def check_many(client):
    got = await asyncio.gather(*(client.get(f"/bytes/{n}") for n in range(50)))
    equal("50 requests at once", [len(response.content) for response in got], list(range(50)))
    try:
        await client.get("/delay/30", timeout=0.2)
        true("a request that takes too long is given up", False)
    except httpx.TimeoutException:
        print("ok: a request that takes too long is given up")
    equal("after it", (await client.get("/hello")).text, "Hello, World!")


async def main():
    async with httpx.AsyncClient(base_url=BASE, timeout=90, trust_env=False) as client:
        await check_one_connection(client)
        await check_many(client)


asyncio.run(main())
