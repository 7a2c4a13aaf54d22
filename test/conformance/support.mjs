// What the client scripts share: the environment, the other user, steps with a name and a deadline.
//
// The node is described by the variables that `bin/run --env FILE` writes; PEER_URL is peer.mjs.
export const env = process.env;
export const members = Number(env.EXPECT_MEMBERS);

export function step(name, detail = '') {
  console.log(`ok ${name} ${detail}`.trimEnd());
}

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

// The other user does something; resolves once the node has answered him.
export async function peer(action, parameters = {}) {
  const response = await fetch(`${env.PEER_URL}/${action}?${new URLSearchParams(parameters)}`);
  const body = await response.json();
  check(response.ok, `peer ${action}: ${JSON.stringify(body)}`);
  return body;
}

// The first `event` for which `wanted` holds, as the list of its arguments.
export function next(emitter, event, wanted = () => true, milliseconds = 15_000) {
  return new Promise((resolve, reject) => {
    const stop = (settle, value) => {
      clearTimeout(timer);
      emitter.off(event, listen);
      settle(value);
    };
    const listen = (...values) => wanted(...values) && stop(resolve, values);
    const timer = setTimeout(() => stop(reject, new Error(`no ${event}`)), milliseconds);
    emitter.on(event, listen);
  });
}

// Runs `act` while waiting for the event, so that it cannot be missed.
export async function during(act, emitter, event, wanted) {
  const [values] = await Promise.all([next(emitter, event, wanted), act()]);
  return values;
}

// Every message of a burst arrives once and in order, although the socket is cut in its middle.
export const BURST = 40;

export function inOrder(numbers) {
  const missing = numbers.length !== BURST || numbers.some((number, index) => number !== index);
  check(!missing, `after the cut got ${numbers.length} of ${BURST}: ${numbers}`);
}

// Runs the whole script: prints PASS or FAIL with the reason, and ends the process.
export async function run(client, script) {
  const fail = (error) => {
    console.error(`FAIL ${client}:`, error);
    process.exit(1);
  };
  setTimeout(() => fail(new Error('time-out')), Number(env.TIMEOUT_S || 90) * 1000).unref();
  process.on('unhandledRejection', fail);
  process.on('uncaughtException', fail);
  try {
    await script();
  } catch (error) {
    fail(error);
  }
  console.log(`PASS ${client}`);
  process.exit(0);
}
