// discord.js, unmodified: only `rest.api` is set. It asks the node for the gateway's URL.
import { Client, Events, GatewayIntentBits, Partials } from 'discord.js';
import { BURST, check, during, env, inOrder, members, next, peer, run, step } from './support.mjs';

const client = new Client({
  intents: [
    GatewayIntentBits.Guilds,
    GatewayIntentBits.GuildMembers,
    GatewayIntentBits.GuildMessages,
    GatewayIntentBits.GuildMessageReactions,
    GatewayIntentBits.GuildMessageTyping,
    GatewayIntentBits.GuildPresences,
    GatewayIntentBits.GuildVoiceStates,
    GatewayIntentBits.MessageContent,
  ],
  partials: [Partials.Message, Partials.Reaction],
  rest: { api: env.BASE_URL },
});

let identified = 0;
client.on('raw', (payload) => payload.t === 'READY' && identified++);

await run('discord.js', async () => {
  await during(() => client.login(env.TOKEN), client, Events.ClientReady);
  step('ready', client.user.tag);

  const guild = client.guilds.cache.get(env.GUILD_ID);
  check(guild?.available, 'the guild is not available');
  check(guild.memberCount === members, `the guild has ${guild.memberCount} members`);
  const channel = guild.channels.cache.get(env.CHANNEL_ID);
  const permissions = channel.permissionsFor(guild.members.me);
  check(permissions.has('SendMessages'), 'the client computes that it may not send');
  step('guild and channel', guild.name);

  let [message] = await during(
    () => peer('message', { content: 'hello from peer' }),
    client,
    Events.MessageCreate,
    (candidate) => candidate.content === 'hello from peer',
  );
  check(message.author.bot && message.member, 'the message lacks its author or member');
  step('message received');

  let sent;
  const mine = (candidate) => candidate.author.id === client.user.id;
  await during(async () => (sent = await channel.send('hi')), client, Events.MessageCreate, mine);
  const reply = await sent.reply('a reply');
  check(reply.reference?.messageId === sent.id, 'the reply lacks its reference');
  step('message sent, echoed, replied to');

  const history = await channel.messages.fetch({ limit: 10, cache: false });
  check(history.has(message.id) && history.has(sent.id), 'the history lacks a message');
  const before = await channel.messages.fetch({ limit: 5, before: sent.id, cache: false });
  check(before.has(message.id) && !before.has(sent.id), 'paging before a message is wrong');
  step('history');

  const everyone = await guild.members.fetch({ time: 20_000 });
  check(everyone.size === members, `chunks brought ${everyone.size} members`);
  const found = await guild.members.fetch({ query: client.user.username, limit: 5 });
  check(found.has(client.user.id), 'a member was not found by its name');
  step('member chunks');

  const them = message.author.id;
  await during(
    () => peer('presence', { status: 'dnd' }),
    client,
    Events.PresenceUpdate,
    (_old, presence) => presence.userId === them && presence.status === 'dnd',
  );
  await during(() => peer('typing'), client, Events.TypingStart, (typing) => typing.user.id === them);
  step('presence and typing');

  const { id } = message;
  await during(
    () => peer('edit', { id, content: 'edited' }),
    client,
    Events.MessageUpdate,
    (_old, updated) => updated.id === id && updated.content === 'edited' && updated.editedAt,
  );
  await during(
    () => peer('react', { id, emoji: '🔥' }),
    client,
    Events.MessageReactionAdd,
    (reaction, user) => reaction.message.id === id && user.id === them && reaction.emoji.name === '🔥',
  );
  await message.react('👍');
  message = await channel.messages.fetch({ message: id, force: true });
  const counts = message.reactions.cache.map((reaction) => `${reaction.emoji.name}${reaction.count}`);
  check(counts.join() === '🔥1,👍1', `the reactions are ${counts}`);
  await during(
    () => peer('unreact', { id, emoji: '🔥' }),
    client,
    Events.MessageReactionRemove,
    (reaction, user) => reaction.message.id === id && user.id === them,
  );
  step('edit and reactions');

  await during(() => peer('delete', { id }), client, Events.MessageDelete, (gone) => gone.id === id);
  await sent.edit('edited by me');
  await sent.delete();
  const error = await sent.fetch(true).catch((reason) => reason);
  check(error.code === 10008, `a deleted message answers ${error.code}`);
  step('delete');

  // Roles, overwrites and channels, seen through the client's own caches.
  const role = await guild.roles.create({ name: 'conformance', permissions: ['ManageMessages'] });
  await guild.members.me.roles.add(role);
  const room = await guild.channels.create({ name: 'conformance-room' });
  await during(
    () => room.permissionOverwrites.create(role, { SendMessages: false }),
    client,
    Events.ChannelUpdate,
    (_old, updated) => updated.id === room.id && updated.permissionOverwrites.cache.has(role.id),
  );
  await during(() => role.delete(), client, Events.GuildRoleDelete, (gone) => gone.id === role.id);
  await during(() => room.delete(), client, Events.ChannelDelete, (gone) => gone.id === room.id);
  step('roles, overwrites, channels');

  const numbers = [];
  client.on(Events.MessageCreate, ({ content }) => {
    if (content.startsWith('burst-')) numbers.push(Number(content.slice(6)));
  });
  const last = next(client, Events.MessageCreate, (m) => m.content === `burst-${BURST - 1}`, 60_000);
  const resumed = next(client, Events.ShardResume, undefined, 30_000);
  const burst = peer('burst', { n: BURST, prefix: 'burst' });
  await next(client, Events.MessageCreate, (candidate) => candidate.content === 'burst-5');
  client.ws._ws.strategy.shards.get(0).connection.terminate();
  const [, replayed] = await resumed;
  await Promise.all([burst, last]);
  inOrder(numbers);
  check(identified === 1, `READY came ${identified} times`);
  step('resume', `${replayed} events replayed`);

  await client.destroy();
});
