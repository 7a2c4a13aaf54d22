// discord.js, unmodified, whose node is killed under it: it comes back by itself, begins a new session
// (the old one died with the node) and chats on.
import { Client, Events, GatewayIntentBits } from 'discord.js';
import { env, next, run, step } from './support.mjs';

const client = new Client({
  intents: [
    GatewayIntentBits.Guilds,
    GatewayIntentBits.GuildMessages,
    GatewayIntentBits.MessageContent,
  ],
  rest: { api: env.BASE_URL },
});
const identified = () => next(client, 'raw', (payload) => payload.t === 'GUILD_CREATE', 60_000);

await run('comeback', async () => {
  const first = identified();
  await client.login(env.TOKEN);
  await first;
  const second = identified();
  step('ready');
  await second;
  step('again');
  const channel = client.channels.cache.get(env.CHANNEL_ID);
  const echo = next(client, Events.MessageCreate, (message) => message.content === 'still here');
  await channel.send('still here');
  await echo;
  await client.destroy();
});
