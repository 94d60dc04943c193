// Plays the STOMP.js scenarios in Node, one JSON line each:
//   node node.mjs tcp|websocket PORT CONTROL_URL

import WebSocket from 'ws';
import { run, scenarios } from './scenarios.mjs';
import { TCPSocket } from './tcp-socket.mjs';

globalThis.WebSocket ??= WebSocket; // Node 20 has none of its own

const [over, port, controlURL] = process.argv.slice(2);

const connect = over === 'tcp'
  ? { webSocketFactory: () => new TCPSocket(Number(port), '127.0.0.1') }
  : { brokerURL: `ws://127.0.0.1:${port}/stomp` };

async function control(path) {
  const response = await fetch(controlURL + path, { method: 'POST' });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
}

const say = (line) => console.log(JSON.stringify(line));

say({ plan: Object.keys(scenarios) });
for (const name of Object.keys(scenarios)) say(await run(name, { connect, control }));
process.exit(0); // a socket that a failed scenario left open must not keep us
