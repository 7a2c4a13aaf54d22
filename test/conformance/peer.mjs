// The other user: no client library, one gateway session and REST, driven over a control port.
//
// Reads BASE_URL, TOKEN2, CHANNEL_ID and PEER_PORT; prints "ready" once its session is.
import http from 'node:http';
import { WebSocket } from 'ws';

const { BASE_URL, TOKEN2, CHANNEL_ID, PEER_PORT } = process.env;
const messages = `/channels/${CHANNEL_ID}/messages`;
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function rest(method, path, body) {
  const response = await fetch(`${BASE_URL}/v10${path}`, {
    method,
    headers: { Authorization: `Bot ${TOKEN2}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status === 429) {
    await pause(JSON.parse(text).retry_after * 1000);
    return rest(method, path, body);
  }
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : {};
}

let socket;
let sequence = null;
let status = 'online';
const send = (op, d) => socket.send(JSON.stringify({ op, d }));
const presence = (name) => ({
  status,
  since: null,
  afk: false,
  activities: name ? [{ name, type: 0 }] : [],
});

async function connect() {
  const { url } = await rest('GET', '/gateway');
  socket = new WebSocket(`${url}/?v=10&encoding=json`);
  let beat;
  socket.on('message', (data) => {
    const payload = JSON.parse(data);
    sequence = payload.s ?? sequence;
    if (payload.op === 10) {
      beat = setInterval(() => send(1, sequence), payload.d.heartbeat_interval);
      const properties = { os: 'linux', browser: 'peer', device: 'peer' };
      send(2, { token: TOKEN2, intents: 1, properties, presence: presence() });
    } else if (payload.op === 1) {
      send(1, sequence);
    } else if (payload.t === 'GUILD_CREATE') {
      console.log('ready');
    }
  });
  socket.on('close', (code) => {
    clearInterval(beat);
    console.error('peer: gateway closed', code);
    setTimeout(connect, 500);
  });
  socket.on('error', (error) => console.error('peer:', error.message));
}

const reaction = (id, emoji) => `${messages}/${id}/reactions/${encodeURIComponent(emoji)}/@me`;

const actions = {
  message: ({ content }) => rest('POST', messages, { content }),
  edit: ({ id, content }) => rest('PATCH', `${messages}/${id}`, { content }),
  delete: ({ id }) => rest('DELETE', `${messages}/${id}`),
  react: ({ id, emoji }) => rest('PUT', reaction(id, emoji)),
  unreact: ({ id, emoji }) => rest('DELETE', reaction(id, emoji)),
  typing: () => rest('POST', `/channels/${CHANNEL_ID}/typing`, {}),
  async presence(query) {
    // Never the status that it already has: no event would come of it.
    if (query.status === status) {
      status = status === 'idle' ? 'online' : 'idle';
      send(3, presence());
      await pause(300);
    }
    status = query.status;
    send(3, presence('conformance'));
    return {};
  },
  async burst({ n, prefix }) {
    for (let i = 0; i < Number(n); i++) await rest('POST', messages, { content: `${prefix}-${i}` });
    return {};
  },
};

http
  .createServer(async (request, response) => {
    const url = new URL(request.url, 'http://peer');
    const action = actions[url.pathname.slice(1)];
    const answer = (code, body) => {
      response.writeHead(code, { 'Content-Type': 'application/json', Connection: 'close' });
      response.end(JSON.stringify(body));
    };
    try {
      answer(200, await action(Object.fromEntries(url.searchParams)));
    } catch (error) {
      answer(500, { error: String(error) });
    }
  })
  .listen(Number(PEER_PORT), '127.0.0.1', connect);
