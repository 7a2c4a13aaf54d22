"""hikari, unmodified: `rest_url` names the node. It sends its payloads in binary frames."""
import asyncio

import hikari

from support import BURST, CHANNEL, ENV, GUILD, MEMBERS, check, during, in_order, peer, run, step


async def main():
    bot = hikari.GatewayBot(
        ENV["TOKEN"],
        rest_url=f"{ENV['BASE_URL']}/v10",
        intents=hikari.Intents.ALL,
        auto_chunk_members=False,
        banner=None,
        logs="WARNING",
    )
    available = asyncio.get_running_loop().create_future()

    @bot.listen()
    async def on_guild(event: hikari.GuildAvailableEvent):
        if not available.done():
            available.set_result(event)

    await bot.start(check_for_updates=False)
    event = await asyncio.wait_for(available, 30)
    check(event.guild_id == GUILD, "another guild is available")
    check(event.guild.member_count == MEMBERS, f"it has {event.guild.member_count} members")
    step("ready", bot.get_me())

    def wait(kind, wanted=lambda _event: True, timeout=15):
        return bot.wait_for(kind, timeout=timeout, predicate=wanted)

    created, _ = await during(
        wait(hikari.GuildMessageCreateEvent, lambda e: e.content == "hello from peer"),
        peer("message", content="hello from peer"),
    )
    check(created.member is not None, "the message lacks its member")
    sent = await bot.rest.create_message(CHANNEL, "hi")
    history = [m.id for m in await bot.rest.fetch_messages(CHANNEL).limit(10)]
    check(sent.id in history and created.message_id in history, "the history lacks a message")
    await during(
        wait(hikari.GuildReactionAddEvent, lambda e: e.message_id == created.message_id),
        peer("react", id=created.message_id, emoji="🔥"),
    )
    await during(wait(hikari.GuildTypingEvent), peer("typing"))
    await during(wait(hikari.PresenceUpdateEvent), peer("presence", status="dnd"))
    await during(
        wait(hikari.GuildMessageDeleteEvent, lambda e: e.message_id == created.message_id),
        peer("delete", id=created.message_id),
    )
    await bot.rest.delete_message(CHANNEL, sent)
    step("messages, reactions, typing, presence")

    chunked = set()

    @bot.listen()
    async def on_chunk(event: hikari.MemberChunkEvent):
        chunked.update(event.members)
        if len(chunked) == MEMBERS and not done.done():
            done.set_result(None)

    done = asyncio.get_running_loop().create_future()
    await bot.request_guild_members(GUILD)
    await asyncio.wait_for(done, 20)
    step("member chunks")

    # hikari's handlers run concurrently, so the order is the wire's only as ids: they are compared.
    seen = []

    @bot.listen()
    async def on_message(event: hikari.GuildMessageCreateEvent):
        if (event.content or "").startswith("burst-"):
            seen.append((event.message_id, int(event.content[6:])))

    resumed = asyncio.create_task(wait(hikari.ShardResumedEvent, timeout=30))
    last = asyncio.create_task(
        wait(hikari.GuildMessageCreateEvent, lambda e: e.content == f"burst-{BURST - 1}", 60)
    )
    fifth = asyncio.create_task(
        wait(hikari.GuildMessageCreateEvent, lambda e: e.content == "burst-5")
    )
    await asyncio.sleep(0)
    burst = asyncio.create_task(peer("burst", n=BURST, prefix="burst"))
    await fifth
    shard = next(iter(bot.shards.values()))
    shard._ws._ws._response.connection.transport.abort()
    await asyncio.gather(resumed, burst, last)
    await asyncio.sleep(0.2)
    in_order([number for _id, number in sorted(seen)])
    step("resume")
    await bot.close()


run("hikari", main)
