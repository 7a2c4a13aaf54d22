"""py-cord, unmodified: one class attribute names the node; it asks GET /gateway for the URL."""
import asyncio

import discord
import discord.http

from support import BURST, CHANNEL, ENV, GUILD, MEMBERS, check, during, in_order, peer, run, step

discord.http.Route.API_BASE_URL = f"{ENV['BASE_URL']}/v10"


async def main():
    intents = discord.Intents.all()
    client = discord.Client(intents=intents, chunk_guilds_at_startup=True)
    # A member list is asked for at the start, as bots with the intent do by default.
    await client.login(ENV["TOKEN"])
    asyncio.create_task(client.connect())
    await asyncio.wait_for(client.wait_until_ready(), 30)
    guild = client.get_guild(GUILD)
    check(len(guild.members) == MEMBERS, f"chunks brought {len(guild.members)} members")
    channel = guild.get_channel(CHANNEL)
    step("ready, chunked", client.user)

    def wait(event, wanted, timeout=15):
        return client.wait_for(event, check=wanted, timeout=timeout)

    message, _ = await during(
        wait("message", lambda m: m.content == "hello from peer"),
        peer("message", content="hello from peer"),
    )
    _, sent = await during(wait("message", lambda m: m.author == client.user), channel.send("hi"))
    await during(
        wait("reaction_add", lambda r, user: user.id == message.author.id),
        peer("react", id=message.id, emoji="🔥"),
    )
    await sent.delete()
    step("messages and reactions")

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
    step("resume")
    await client.close()


run("py-cord", main)
