// oceanic.js, unmodified: only `rest.baseURL` is set. It asks the node for the gateway's URL.
//
// COMPRESS: zlib-stream or zstd-stream, none by default. With erlpack in NODE_PATH it asks for ETF.
import { Client } from 'oceanic.js';
import { BURST, check, during, env, inOrder, members, next, peer, run, step } from './support.mjs';

const client = new Client({
  auth: `Bot ${env.TOKEN}`,
  rest: { baseURL: `${env.BASE_URL}/v10` },
  gateway: {
    compress: env.COMPRESS || false,
    reconnectDelay: () => 500,
    intents: [
      'GUILDS',
      'GUILD_MEMBERS',
      'GUILD_MESSAGES',
      'GUILD_MESSAGE_REACTIONS',
      'GUILD_MESSAGE_TYPING',
      'GUILD_PRESENCES',
      'GUILD_VOICE_STATES',
      'MESSAGE_CONTENT',
    ],
  },
});

let identified = 0;
let cut = false;
client.on('packet', (payload) => payload.t === 'READY' && identified++);
client.on('error', (error) => {
  if (!cut) throw error;
});

await run(`oceanic ${env.COMPRESS || 'plain'}`, async () => {
  await during(() => client.connect(), client, 'ready');
  step('ready', client.user.tag);

  const encoding = env.NODE_PATH ? 'etf' : 'json';
  check(client.shards.get(0).resumeURL.includes(`encoding=${encoding}`), `it does not read ${encoding}`);

  const guild = client.guilds.get(env.GUILD_ID);
  check(guild?.memberCount === members, `the guild has ${guild?.memberCount} members`);
  const channel = guild.channels.get(env.CHANNEL_ID);
  check(channel.permissionsOf(guild.clientMember).has('SEND_MESSAGES'), 'it may not send');
  step('guild and channel', guild.name);

  const [message] = await during(
    () => peer('message', { content: 'hello from peer' }),
    client,
    'messageCreate',
    (candidate) => candidate.content === 'hello from peer',
  );
  check(message.member, 'the message lacks its member');
  const sent = await channel.createMessage({ content: 'hi' });
  const messageReference = { messageID: sent.id };
  const reply = await channel.createMessage({ content: 'a reply', messageReference });
  check(reply.messageReference?.messageID === sent.id, 'the reply lacks its reference');
  const history = (await channel.getMessages({ limit: 10 })).map(({ id }) => id);
  check(history.includes(message.id) && history.includes(sent.id), 'the history lacks a message');
  step('messages and history');

  const everyone = await guild.fetchMembers({ requestTimeout: 20_000 });
  check(everyone.length === members, `chunks brought ${everyone.length} members`);
  step('member chunks');

  const { id, author } = message;
  await during(
    () => peer('presence', { status: 'dnd' }),
    client,
    'presenceUpdate',
    (_guild, member, presence) => member.id === author.id && presence.status === 'dnd',
  );
  await during(() => peer('typing'), client, 'typingStart', (_channel, user) => user.id === author.id);
  await during(
    () => peer('edit', { id, content: 'edited' }),
    client,
    'messageUpdate',
    (updated) => updated.id === id && updated.content === 'edited',
  );
  await during(
    () => peer('react', { id, emoji: '🔥' }),
    client,
    'messageReactionAdd',
    (reacted, user, reaction) => reacted.id === id && user.id === author.id && reaction.emoji.name === '🔥',
  );
  await message.createReaction('👍');
  await during(() => peer('delete', { id }), client, 'messageDelete', (gone) => gone.id === id);
  await sent.edit({ content: 'edited by me' });
  await sent.delete();
  step('presence, typing, edit, reactions, delete');

  const numbers = [];
  client.on('messageCreate', ({ content }) => {
    if (content.startsWith('burst-')) numbers.push(Number(content.slice(6)));
  });
  const last = next(client, 'messageCreate', (m) => m.content === `burst-${BURST - 1}`, 60_000);
  const resumed = next(client, 'packet', (payload) => payload.t === 'RESUMED', 30_000);
  const burst = peer('burst', { n: BURST, prefix: 'burst' });
  await next(client, 'messageCreate', (candidate) => candidate.content === 'burst-5');
  cut = true;
  guild.shard.ws.terminate();
  await resumed;
  await Promise.all([burst, last]);
  inOrder(numbers);
  check(identified === 1, `READY came ${identified} times`);
  step('resume');

  client.disconnect(false);
});
