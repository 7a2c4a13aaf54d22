// A discord.js bot on Guildhall: it answers "!ping" and prints what it reads.
//
//     npm install discord.js@14.28.1
//     TOKEN=... BASE_URL=http://127.0.0.1:4000/api node examples/bot.mjs
//
// Nothing is patched: the one line that differs from a bot on Discord is `rest.api`.
import { Client, Events, GatewayIntentBits } from 'discord.js';

const { TOKEN, BASE_URL = 'http://127.0.0.1:4000/api' } = process.env;
if (!TOKEN) {
  console.error('Set TOKEN to one of the bot tokens that bin/run printed.');
  process.exit(1);
}

const client = new Client({
  rest: { api: BASE_URL },
  intents: [
    GatewayIntentBits.Guilds,
    GatewayIntentBits.GuildMessages,
    GatewayIntentBits.MessageContent,
  ],
});

client.on(Events.ClientReady, () => {
  const guilds = client.guilds.cache.map((guild) => `${guild.name} (${guild.memberCount} members)`);
  console.log(`${client.user.username} is online in ${guilds.join(', ')}. Say "!ping".`);
});

client.on(Events.MessageCreate, async (message) => {
  console.log(`#${message.channel.name} ${message.author.username}: ${message.content}`);
  if (message.content === '!ping' && message.author.id !== client.user.id) {
    await message.reply(`pong from discord.js, ${Date.now() - message.createdTimestamp} ms`);
  }
});

client.on(Events.ShardResume, (_id, replayed) => console.log(`resumed, ${replayed} events replayed`));
client.on(Events.Error, (error) => console.error(error.message));
process.on('SIGINT', () => client.destroy().then(() => process.exit(0)));

await client.login(TOKEN);
