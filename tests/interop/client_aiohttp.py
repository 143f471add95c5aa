"""aiohttp against `barewire echo`."""

import asyncio
import time

import aiohttp

from checks import base_url, digest, equal, noise, pieces, streamed_over_a_second, true

BASE = base_url()


def counting_trace():
    trace = aiohttp.TraceConfig()
    counts = {"created": 0, "reused": 0}

    async def created(*_):
        counts["created"] += 1

    async def reused(*_):
        counts["reused"] += 1

    trace.on_connection_create_end.append(created)
    trace.on_connection_reuseconn.append(reused)
    return trace, counts


async def check_basics(session):
    async with session.get("/hello") as response:
        equal("GET /hello", (response.status, await response.text()), (200, "Hello, World!"))
        equal("GET /hello: type", response.content_type, "text/plain")
    async with session.get("/anything", params=[("a", "1"), ("a", "2"), ("b", "ü")]) as response:
        equal("GET /anything: args", (await response.json())["args"], {"a": ["1", "2"], "b": "ü"})
    sent = {"name": "ü", "list": [1, 2, 3]}
    async with session.post("/anything", json=sent) as response:
        seen = await response.json()
        equal("POST json", (seen["method"], seen["json"]), ("POST", sent))
    async with session.head("/bytes/1000") as response:
        got = (response.status, response.headers["Content-Length"], await response.read())
        equal("HEAD", got, (200, "1000", b""))
    for status in [204, 304, 404, 500]:
        async with session.get(f"/status/{status}") as response:
            await response.read()
            equal(f"/status/{status}", response.status, status)
    async with session.get("/redirect/3") as response:
        equal("redirects", (len(response.history), await response.text()), (3, "Hello, World!"))
    async with session.get("/trailers", headers={"TE": "trailers", "Connection": "TE"}) as response:
        equal("trailers: status", response.status, 200)
        await response.read()
    async with session.get("/hello") as response:
        equal("after trailers", await response.text(), "Hello, World!")


async def check_bodies(session):
    body = noise(8_000_000)

    async def chunks():
        for piece in pieces(body, 50_000):
            yield piece

    async with session.post("/echo", data=body) as response:
        equal("8 MB with Content-Length", digest(await response.read()), digest(body))
    async with session.post("/echo", data=chunks()) as response:
        equal("8 MB in chunks", digest(await response.read()), digest(body))
    async with session.post("/echo", data=body[:1_000_000], expect100=True) as response:
        equal("1 MB after 100-continue", digest(await response.read()), digest(body[:1_000_000]))
    form = aiohttp.FormData()
    form.add_field("file", body[:100_000], filename="name.bin")
    async with session.post("/echo", data=form) as response:
        true("multipart", body[:100_000] in await response.read(), "the file's bytes in the echo")

    async with session.get("/bytes/5000000") as response:
        whole = await response.read()
    streamed = bytearray()
    async with session.get("/bytes/5000000") as response:
        async for piece in response.content.iter_chunked(10_000):
            streamed += piece
    equal("streamed download", digest(streamed), digest(whole))

    start = time.monotonic()
    arrivals = []
    async with session.get("/drip", params={"bytes": "10", "seconds": "1"}) as response:
        async for _ in response.content.iter_any():
            arrivals.append(time.monotonic() - start)
    streamed_over_a_second("drip", arrivals)


async def check_many():
    async def fetch(n):
        async with session.get(f"/bytes/{n}") as response:
            return len(await response.read())

    async def delayed():
        async with session.get("/delay/1") as response:
            return response.status

    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(BASE, connector=connector) as session:
        got = await asyncio.gather(*(fetch(n) for n in range(200)))
        equal("200 requests at once", got, list(range(200)))
        start = time.monotonic()
        got = await asyncio.gather(*(delayed() for _ in range(50)))
        took = time.monotonic() - start
        equal("50 delayed requests at once", got, [200] * 50)
        true(f"they waited side by side: {took:.1f} s", took < 10, "less than 10 s")

        # A request that is given up must not be felt by the next one.
        try:
            await asyncio.wait_for(session.get("/delay/30"), 0.2)
            true("a request that takes too long is given up", False)
        except asyncio.TimeoutError:
            print("ok: a request that takes too long is given up")
        equal("after a cancelled request", await fetch(7), 7)


async def main():
    trace, counts = counting_trace()
    timeout = aiohttp.ClientTimeout(total=90)
    async with aiohttp.ClientSession(BASE, trace_configs=[trace], timeout=timeout) as session:
        await check_basics(session)
        await check_bodies(session)
    equal("all on one connection", counts["created"], 1)
    true("which was used again", counts["reused"] > 15, "more than 15 times")
    await check_many()


asyncio.run(main())
