// webstomp-client, a descendant of the first stomp.js, over WebSocket:
//   node webstomp.mjs PORT

import WebSocket from 'ws';
import webstomp from 'webstomp-client';
import { play } from './play.mjs';

globalThis.WebSocket ??= WebSocket;

const port = Number(process.argv[2]);

function connect(options = {}) {
  // Left to itself it offers v10.stomp first, and then speaks 1.0, which has no NACK.
  const client = webstomp.client(`ws://127.0.0.1:${port}/stomp`, { debug: false, heartbeat: false, protocols: ['v12.stomp'], ...options });
  return new Promise((resolve, reject) => { client.connect({ host: '/' }, () => resolve(client), reject); });
}

function inbox(client, destination, headers) {
  const ready = [];
  const waiting = [];
  client.subscribe(destination, (message) => { const next = waiting.shift(); if (next) next(message); else ready.push(message); }, headers);
  return () => ready.shift() ?? new Promise((resolve) => { waiting.push(resolve); });
}

await play({
  async 'each version sends and receives'({ equal, unique }) {
    for (const version of ['1.0', '1.1', '1.2']) {
      const client = await connect({ protocols: [`v${version.replace('.', '')}.stomp`] });
      const next = inbox(client, unique('/queue/v'), { id: 'mine' });
      client.send(unique('/queue/v'), `hello ${version}`, { note: 'plain' });
      const message = await next();
      equal(message.body, `hello ${version}`, 'body');
      equal(message.headers.note, 'plain', 'note');
      client.disconnect();
    }
  },

  async 'acknowledgement, refusal and a transaction'({ equal, unique }) {
    const client = await connect();
    const next = inbox(client, unique('/queue/ack'), { ack: 'client-individual' });
    client.send(unique('/queue/ack'), 'one');
    (await next()).nack();
    const again = await next();
    equal(again.headers.redelivered, 'true', 'redelivered');
    again.ack();
    const transaction = client.begin();
    client.send(unique('/queue/ack'), 'inside', { transaction: transaction.id });
    client.send(unique('/queue/ack'), 'outside');
    transaction.commit();
    equal((await next()).body, 'outside', 'first');
    equal((await next()).body, 'inside', 'second');
    client.disconnect();
  },

  async 'frames larger than its pieces'({ equal, unique }) {
    const client = await connect();
    const next = inbox(client, unique('/queue/large'));
    const body = '0123456789abcdef'.repeat(16384);
    client.send(unique('/queue/large'), body);
    equal((await next()).body, body, 'body');
    client.disconnect();
  },
});

process.exit(0); // a socket that a failed scenario left open must not keep us
