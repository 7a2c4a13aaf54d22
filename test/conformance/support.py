"""What the Python scripts share: the environment, the other user, and a run with a deadline."""
import asyncio
import json
import os
import sys
import traceback
import urllib.parse
import urllib.request

ENV = os.environ
GUILD = int(ENV["GUILD_ID"])
CHANNEL = int(ENV["CHANNEL_ID"])
MEMBERS = int(ENV["EXPECT_MEMBERS"])
BURST = 40


def step(name, detail=""):
    print(f"ok {name} {detail}".rstrip(), flush=True)


def check(condition, message):
    if not condition:
        raise AssertionError(message)


async def peer(action, **parameters):
    """The other user does something; returns once the node has answered him."""

    def ask():
        url = f"{ENV['PEER_URL']}/{action}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=60) as response:
            return json.load(response)

    return await asyncio.to_thread(ask)


async def during(waiting, acting):
    """Acts once the waiting has begun; returns what both bring."""
    waiter = asyncio.ensure_future(waiting)
    await asyncio.sleep(0)
    acted = await acting
    return await waiter, acted


def in_order(numbers):
    check(numbers == list(range(BURST)), f"after the cut got {len(numbers)} of {BURST}: {numbers}")


def run(client, main):
    """Runs the whole script: prints PASS or FAIL with the reason, and ends the process."""

    async def bounded():
        await asyncio.wait_for(main(), int(ENV.get("TIMEOUT_S", 90)))

    try:
        asyncio.run(bounded())
    except BaseException:
        traceback.print_exc()
        print(f"FAIL {client}", file=sys.stderr, flush=True)
        os._exit(1)
    print(f"PASS {client}", flush=True)
    os._exit(0)
