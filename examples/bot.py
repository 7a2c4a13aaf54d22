"""A discord.py bot on Guildhall: it answers "!ping" and prints what it reads.

    pip install discord.py==2.7.1
    TOKEN=... BASE_URL=http://127.0.0.1:4000/api GATEWAY_URL=ws://127.0.0.1:4000 python3 examples/bot.py

The two assignments below are all that differs from a bot on Discord.
"""
import os
import sys

import discord
import discord.gateway
import discord.http
import yarl

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:4000/api")
GATEWAY_URL = os.environ.get("GATEWAY_URL", "ws://127.0.0.1:4000")
TOKEN = os.environ.get("TOKEN") or sys.exit("Set TOKEN to one of the bot tokens that bin/run printed.")

discord.http.Route.BASE = f"{BASE_URL}/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(GATEWAY_URL)

intents = discord.Intents.default()
intents.message_content = True
client = discord.Client(intents=intents)


@client.event
async def on_ready():
    guilds = ", ".join(f"{guild.name} ({guild.member_count} members)" for guild in client.guilds)
    print(f'{client.user.name} is online in {guilds}. Say "!ping".', flush=True)


@client.event
async def on_message(message):
    print(f"#{message.channel} {message.author.name}: {message.content}", flush=True)
    if message.content == "!ping" and message.author != client.user:
        await message.reply("pong from discord.py")


@client.event
async def on_resumed():
    print("resumed", flush=True)


client.run(TOKEN, log_handler=None)
