"""discord.py, unmodified: two class attributes name the node, since it never asks for the URL.

COMPRESS: zstd-stream (its default where zstandard is installed) or zlib-stream.
"""
import asyncio
import os
import sys

if os.environ.get("COMPRESS") == "zlib-stream":
    sys.modules["zstandard"] = None

import discord
import discord.gateway
import discord.http
import yarl

from support import BURST, CHANNEL, ENV, GUILD, MEMBERS, check, during, in_order, peer, run, step

discord.http.Route.BASE = f"{ENV['BASE_URL']}/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(ENV["GATEWAY_URL"])
COMPRESSION = discord.utils._ActiveDecompressionContext.COMPRESSION_TYPE


class Client(discord.Client):
    identified = 0
    available = None

    async def on_guild_available(self, guild):
        self.available = guild

    async def on_socket_event_type(self, name):
        self.identified += name == "READY"

    async def on_error(self, event, *_arguments):
        raise


async def main():
    check(COMPRESSION == ENV.get("COMPRESS", "zstd-stream"), f"the client wants {COMPRESSION}")
    intents = discord.Intents(
        guilds=True, members=True, messages=True, reactions=True, typing=True, presences=True,
        voice_states=True, message_content=True,
    )
    client = Client(intents=intents, chunk_guilds_at_startup=False)

    def wait(event, wanted, timeout=15):
        return client.wait_for(event, check=wanted, timeout=timeout)

    await client.login(ENV["TOKEN"])
    connection = asyncio.create_task(client.connect())
    await asyncio.wait_for(client.wait_until_ready(), 30)
    step("ready", client.user)

    guild = client.get_guild(GUILD)
    check(guild and client.available == guild, "the guild is not available")
    check(guild.member_count == MEMBERS, f"the guild has {guild.member_count} members")
    channel = guild.get_channel(CHANNEL)
    check(channel.permissions_for(guild.me).send_messages, "it computes that it may not send")
    step("guild and channel", guild.name)

    message, posted = await during(
        wait("message", lambda m: m.content == "hello from peer"),
        peer("message", content="hello from peer"),
    )
    check(message.id == int(posted["id"]), "another message came")
    check(isinstance(message.author, discord.Member), "the message lacks its member")
    _, sent = await during(wait("message", lambda m: m.author == client.user), channel.send("hi"))
    reply = await sent.reply("a reply")
    check(reply.reference.message_id == sent.id, "the reply lacks its reference")
    history = [m.id async for m in channel.history(limit=10)]
    check(message.id in history and sent.id in history, "the history lacks a message")
    step("messages and history")

    await asyncio.wait_for(guild.chunk(), 20)
    check(len(guild.members) == MEMBERS, f"chunks brought {len(guild.members)} members")
    found = await guild.query_members(query=client.user.name, limit=5)
    check(client.user.id in [m.id for m in found], "a member was not found by its name")
    step("member chunks")

    them = message.author.id
    await during(
        wait("presence_update", lambda _, m: m.id == them and m.status is discord.Status.dnd),
        peer("presence", status="dnd"),
    )
    await during(wait("typing", lambda _c, user, _w: user.id == them), peer("typing"))
    await during(
        wait("message_edit", lambda _, m: m.id == message.id and m.content == "edited"),
        peer("edit", id=message.id, content="edited"),
    )
    await during(
        wait("reaction_add", lambda r, user: user.id == them and str(r.emoji) == "🔥"),
        peer("react", id=message.id, emoji="🔥"),
    )
    await message.add_reaction("👍")
    await during(
        wait("message_delete", lambda m: m.id == message.id), peer("delete", id=message.id)
    )
    await sent.edit(content="edited by me")
    await sent.delete()
    step("presence, typing, edit, reactions, delete")

    numbers = []

    async def on_message(m):
        if m.content.startswith("burst-"):
            numbers.append(int(m.content[6:]))

    client.event(on_message)
    resumed = asyncio.create_task(client.wait_for("resumed", timeout=30))
    last = asyncio.create_task(wait("message", lambda m: m.content == f"burst-{BURST - 1}", 60))
    fifth = asyncio.create_task(wait("message", lambda m: m.content == "burst-5"))
    await asyncio.sleep(0)
    burst = asyncio.create_task(peer("burst", n=BURST, prefix="burst"))
    await fifth
    client.ws.socket._response.connection.transport.abort()
    await asyncio.gather(resumed, burst, last)
    await asyncio.sleep(0)
    in_order(numbers)
    check(client.identified == 1, f"READY came {client.identified} times")
    step("resume")

    await client.close()
    await connection


run(f"discord.py {COMPRESSION}", main)
