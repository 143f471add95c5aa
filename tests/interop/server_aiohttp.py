"""aiohttp as a server: chunked answers, keep-alive, and answers that are cut short."""

import asyncio

from aiohttp import web


async def hello(_):
    return web.Response(text="Hello, World!")


async def anything(request):
    seen = {
        "method": request.method,
        "target": request.raw_path,
        "headers": {name.lower(): request.headers.getall(name) for name in request.headers},
        "data": await request.text(),
    }
    return web.json_response(seen)


async def chunked(request):
    """As many chunks as asked for, of growing size."""
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    for n in range(int(request.match_info["count"])):
        await response.write(b"%d" % (n % 10) * (n + 1))
    await response.write_eof()
    return response


async def status(request):
    return web.Response(status=int(request.match_info["status"]))


async def slowly(request):
    response = web.StreamResponse(headers={"Content-Length": "5"})
    await response.prepare(request)
    for n in range(5):
        await response.write(b"%d" % n)
        await asyncio.sleep(0.05)
    return response


async def cut_chunked(request):
    """Drops the connection before the last chunk."""
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(b"half")
    await response.drain()
    request.transport.close()
    return response


async def cut_length(request):
    """Drops the connection before the declared length."""
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"half")
    request.transport.close()
    return response


def application():
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_get("/hello", hello)
    app.router.add_route("*", "/anything", anything)
    app.router.add_get("/chunked/{count}", chunked)
    app.router.add_get("/status/{status}", status)
    app.router.add_get("/slowly", slowly)
    app.router.add_get("/cut-chunked", cut_chunked)
    app.router.add_get("/cut-length", cut_length)
    return app


async def main():
    runner = web.AppRunner(application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(f"listening on http://{host}:{port}")
    await asyncio.Event().wait()


asyncio.run(main())
