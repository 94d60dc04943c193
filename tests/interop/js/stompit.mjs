// stompit, a client of its own making that streams bodies, over TCP:
//   node stompit.mjs PORT

import stompit from 'stompit';
import { promisify } from 'node:util';
import { play } from './play.mjs';

const port = Number(process.argv[2]);

function connect(headers = {}) {
  return promisify(stompit.connect)({ host: '127.0.0.1', port, connectHeaders: { host: '/', 'heart-beat': '0,0', ...headers } });
}

const send = (client, headers, body) => new Promise((resolve, reject) => {
  const frame = client.send(headers, { onReceipt: resolve, onError: reject });
  frame.end(body);
});

// inbox collects messages with their bodies read.
function inbox(client, headers) {
  const ready = [];
  const waiting = [];
  const put = (item) => { const next = waiting.shift(); if (next) next(item); else ready.push(item); };
  client.subscribe(headers, (error, message) => {
    if (error) { put({ error }); return; }
    message.readString('utf-8', (problem, body) => put(problem ? { error: problem } : { message, body }));
  });
  return async () => {
    const item = ready.shift() ?? await new Promise((resolve) => { waiting.push(resolve); });
    if (item.error) throw item.error;
    return item;
  };
}

await play({
  async 'versions, a message and its headers'({ equal, unique }) {
    for (const version of ['1.0', '1.1', '1.2']) {
      const client = await connect({ 'accept-version': version });
      const next = inbox(client, { destination: unique('/queue/v'), ack: 'auto', id: '7' });
      await send(client, { destination: unique('/queue/v'), note: 'plain', receipt: 'r' }, `hello ${version}`);
      const { message, body } = await next();
      equal(body, `hello ${version}`, 'body');
      equal(message.headers.note, 'plain', 'note');
      client.destroy();
    }
  },

  async 'client-individual acknowledgement and refusal'({ equal, unique }) {
    const client = await connect();
    const next = inbox(client, { destination: unique('/queue/ack'), ack: 'client-individual' });
    await send(client, { destination: unique('/queue/ack') }, 'one');
    const first = await next();
    client.nack(first.message);
    const again = await next();
    equal(again.body, 'one', 'body');
    equal(again.message.headers.redelivered, 'true', 'redelivered');
    client.ack(again.message);
    await send(client, { destination: unique('/queue/ack') }, 'two');
    equal((await next()).body, 'two', 'body');
    client.destroy();
  },

  async 'a transaction'({ equal, unique }) {
    const client = await connect();
    const next = inbox(client, { destination: unique('/queue/tx'), ack: 'auto' });
    const transaction = client.begin();
    transaction.send({ destination: unique('/queue/tx') }).end('inside');
    await send(client, { destination: unique('/queue/tx') }, 'outside');
    transaction.commit();
    equal((await next()).body, 'outside', 'first');
    equal((await next()).body, 'inside', 'second');
    client.destroy();
  },

  async 'a mebibyte'({ equal, unique }) {
    const client = await connect();
    const next = inbox(client, { destination: unique('/queue/large'), ack: 'auto' });
    const body = '0123456789abcdef'.repeat(65536);
    await send(client, { destination: unique('/queue/large'), 'content-length': body.length }, body);
    equal((await next()).body, body, 'body');
    client.destroy();
  },

  async 'disconnect'({ unique }) {
    const client = await connect();
    await send(client, { destination: unique('/queue/bye') }, 'bye');
    await promisify(client.disconnect.bind(client))();
  },

  async 'heart-beats'({ unique }) {
    const client = await connect({ 'heart-beat': '100,100' });
    const next = inbox(client, { destination: unique('/queue/beat'), ack: 'auto' });
    await send(client, { destination: unique('/queue/beat'), delay: '1500' }, 'fifteen beats later');
    await next();
    client.destroy();
  },
});

process.exit(0); // a socket that a failed scenario left open must not keep us
