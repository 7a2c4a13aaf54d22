// What discord.js makes of guilds, without a connection: `node permissions.mjs FILE`. The file
// holds a JSON array of {guild, member, channel}: a GUILD_CREATE, and the ids of one of its members
// and channels. Prints an array of {base, channel, top}: the member's permissions in the guild,
// those with the channel's overwrites, and his highest role.
import { readFileSync } from 'node:fs';
import { Client, PermissionsBitField } from 'discord.js';

// discord.js keeps the roles' bits of an administrator, and takes them for all when asked.
const meant = permissions =>
  permissions.has(PermissionsBitField.Flags.Administrator) ? PermissionsBitField.All : permissions.bitfield;

const scenes = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const answers = scenes.map(scene => {
  // A client of its own each, for the guilds all have the same ids.
  const client = new Client({ intents: [] });
  const guild = client.guilds._add(scene.guild);
  const member = guild.members.cache.get(scene.member);
  const channel = guild.channels.cache.get(scene.channel);

  return {
    base: meant(member.permissions).toString(),
    channel: channel.permissionsFor(member).bitfield.toString(),
    top: member.roles.highest.id,
  };
});

console.log(JSON.stringify(answers));
