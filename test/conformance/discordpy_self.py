"""discord.py-self, a user client, unmodified: what names the node, and two things that it wants and the node has not.

It looks up what browsers send in a public service, and it waits for READY_SUPPLEMENTAL.
"""
import asyncio
import json
import urllib.request

import discord
import discord.gateway
import discord.http
import discord.utils
import yarl

from support import CHANNEL, ENV, GUILD, MEMBERS, check, run, step

discord.http.Route.BASE = f"{ENV['BASE_URL']}/v9"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(ENV["GATEWAY_URL"])


async def default(cls, *_arguments, **_options):
    properties = {
        "os": "Windows",
        "browser": "Chrome",
        "browser_version": "136.0",
        "browser_user_agent": "conformance",
        "client_build_number": 9999,
        "system_locale": "en-US",
    }
    return cls(
        platform="Windows",
        major_version=136,
        super_properties=properties,
        encoded_super_properties="e30=",
    )


discord.utils.Headers.default = classmethod(default)
SUPPLEMENT = {"guilds": [], "merged_members": [], "merged_presences": {}}


class Client(discord.Client):
    def __init__(self):
        super().__init__()
        self.updates = asyncio.Queue()
        self.available = asyncio.Event()
        state = self._connection
        parse_ready = state.parsers["READY"]

        def ready(data):
            parse_ready(data)
            state.parse_ready_supplemental(SUPPLEMENT)

        state.parsers["READY"] = ready

    async def on_guild_available(self, _guild):
        self.available.set()

    async def on_raw_member_list_update(self, data):
        await self.updates.put(data)

    async def on_error(self, _event, *_arguments):
        raise


def rename(nick):
    request = urllib.request.Request(
        f"{ENV['BASE_URL']}/v10/guilds/{GUILD}/members/@me",
        data=json.dumps({"nick": nick}).encode(),
        headers={"Authorization": f"Bot {ENV['TOKEN2']}", "Content-Type": "application/json"},
        method="PATCH",
    )
    urllib.request.urlopen(request, timeout=60).close()


async def main():
    client = Client()
    running = asyncio.ensure_future(client.start(ENV["USER_TOKEN"]))
    available = asyncio.ensure_future(client.available.wait())
    await asyncio.wait([running, available], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    guild = client.get_guild(GUILD)
    channel = guild.get_channel(CHANNEL)
    step("ready", guild.name)

    members = await guild.fetch_members(channels=[channel], force_scraping=True, delay=0)
    names = {member.id for member in members}
    check(len(members) == len(names) == MEMBERS, f"{len(members)} of {MEMBERS} members")
    step("members", f"{len(members)} read from the list")

    while not client.updates.empty():
        check(client.updates.get_nowait()["id"] == channel.member_list_id, "the list's id")
    step("list id", channel.member_list_id)

    subscriptions = client._connection.subscriptions
    await subscriptions.subscribe_to_channels(guild, {CHANNEL: [(0, 99)]}, replace=True)
    while not any(op["op"] == "SYNC" for op in (await client.updates.get())["ops"]):
        pass
    await asyncio.to_thread(rename, "!")
    shown = []
    while "!" not in shown:
        ops = (await client.updates.get())["ops"]
        items = [item for op in ops for item in [op.get("item"), *op.get("items", [])] if item]
        shown = [item["member"]["nick"] for item in items if "member" in item]
    step("change", "a member with another name")
    await client.close()


run("discord.py-self", main)
