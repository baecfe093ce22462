"""A participant in a process of its own: answers every request after 5 ms. Prints its port, then serves."""

import asyncio

from aiohttp import web

PAUSE = 0.005


async def answer(request: web.Request) -> web.Response:
    await request.read()
    await asyncio.sleep(PAUSE)
    return web.json_response({"done": True})


async def serve() -> None:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
