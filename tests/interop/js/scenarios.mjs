// What STOMP.js must be able to do with the broker. The same functions run in Node over TCP and over WebSocket and in a
// browser page, so they use nothing that one of them lacks. Each scenario gets a World and fails by throwing.
//
// Nothing here waits for time to pass: a scenario awaits what the broker does, and the runner gives up on it after a
// while.

import { Client, TickerStrategy, Versions } from '@stomp/stompjs';

// World is what a runner provides: how to reach the broker, and a way to have it restarted.
//   connect: {brokerURL} or {webSocketFactory}, spread into the client's options
//   control(path): POST to the test's own server, which restarts the broker and the like
export class World {
  constructor({ connect, control, name }) {
    Object.assign(this, { connect, control, name });
    this.clients = [];
    this.run = Math.random().toString(36).slice(2);
  }

  queue(word) { return `/queue/${this.name}-${this.run}-${word}`; }

  topic(word) { return `/topic/${this.name}-${this.run}-${word}`; }

  // client connects and resolves with a Peer.
  async client(options = {}) {
    const peer = new Peer(this, options);
    this.clients.push(peer);
    await peer.connected;
    return peer;
  }

  async end() {
    await Promise.all(this.clients.map((peer) => peer.client.deactivate({ force: true })));
  }
}

// Peer is a STOMP.js client with promises in place of callbacks.
class Peer {
  constructor(world, options) {
    this.receipts = 0;
    this.beats = { in: 0, out: 0 };
    this.watchers = [];
    let fail;
    this.connected = new Promise((resolve, reject) => {
      fail = reject;
      this.client = new Client({
        reconnectDelay: 0,
        heartbeatIncoming: 0,
        heartbeatOutgoing: 0,
        ...world.connect,
        ...options,
        onConnect: (frame) => { this.hello = frame; resolve(frame); options.onConnect?.(frame); },
        debug: (line) => {
          if (line === '>>> PING') this.beats.out++;
          if (line === '<<< PONG') this.beats.in++;
          for (const watch of this.watchers) watch();
        },
      });
    });
    this.error = new Promise((resolve) => {
      this.client.onStompError = (frame) => { resolve(frame); fail(new Error(`ERROR: ${frame.headers.message}: ${frame.body}`)); };
    });
    this.closed = new Promise((resolve) => {
      this.client.onWebSocketClose = (event) => { resolve(event); fail(new Error('closed before CONNECTED')); };
    });
    this.connected.catch(() => {}); // whoever awaits it hears of it
    this.client.activate();
  }

  // when resolves as soon as a condition holds; it is looked at whenever the client has something to say.
  when(condition) {
    return new Promise((resolve) => {
      const watch = () => { if (condition()) { this.watchers = this.watchers.filter((w) => w !== watch); resolve(); } };
      this.watchers.push(watch);
      watch();
    });
  }

  // receipt gives headers with a receipt, and a promise of it.
  receipt(headers = {}) {
    const id = `receipt-${++this.receipts}`;
    const done = new Promise((resolve) => { this.client.watchForReceipt(id, resolve); });
    return [{ ...headers, receipt: id }, done];
  }

  async publish(destination, body, headers = {}) {
    const [withReceipt, done] = this.receipt(headers);
    const content = typeof body === 'string' ? { body } : { binaryBody: body };
    this.client.publish({ destination, headers: withReceipt, ...content });
    await done;
  }

  // subscribe resolves with an Inbox once the broker has the subscription.
  async subscribe(destination, headers = {}) {
    const inbox = new Inbox();
    const [withReceipt, done] = this.receipt(headers);
    inbox.subscription = this.client.subscribe(destination, (message) => inbox.put(message), withReceipt);
    await done;
    return inbox;
  }

  async unsubscribe(inbox) {
    const [headers, done] = this.receipt();
    inbox.subscription.unsubscribe(headers);
    await done;
  }
}

// Inbox keeps messages until somebody asks for them.
class Inbox {
  constructor() { this.messages = []; this.waiting = []; }

  put(message) {
    const next = this.waiting.shift();
    if (next) next(message); else this.messages.push(message);
  }

  next() {
    if (this.messages.length > 0) return Promise.resolve(this.messages.shift());
    return new Promise((resolve) => { this.waiting.push(resolve); });
  }
}

export function equal(got, want, what) {
  if (got !== want) throw new Error(`${what}: got ${JSON.stringify(got)?.slice(0, 200)}, want ${JSON.stringify(want)?.slice(0, 200)}`);
}

function sameBytes(got, want, what) {
  equal(got.length, want.length, `${what}, length`);
  for (let i = 0; i < want.length; i++) if (got[i] !== want[i]) equal(got[i], want[i], `${what}, octet ${i}`);
}

const versions = ['1.0', '1.1', '1.2'];
const only = (version) => ({ stompVersions: new Versions([version]) });

export const scenarios = {
  async 'the highest version is agreed on'(world) {
    const a = await world.client();
    equal(a.client.connectedVersion, '1.2', 'version');
    equal(a.hello.headers.server.split('/')[0], 'stampede', 'server');
  },

  async 'each version alone is agreed on'(world) {
    for (const version of versions) {
      const a = await world.client(only(version));
      equal(a.client.connectedVersion, version, 'version');
    }
  },

  async 'a message reaches a subscriber in every mix of versions'(world) {
    for (const from of versions) {
      for (const to of versions) {
        const [a, b] = [await world.client(only(from)), await world.client(only(to))];
        const inbox = await b.subscribe(world.topic(`mix-${from}-${to}`));
        await a.publish(world.topic(`mix-${from}-${to}`), `from ${from}`, { note: 'plain' });
        const message = await inbox.next();
        equal(message.body, `from ${from}`, 'body');
        equal(message.headers.note, 'plain', 'note');
      }
    }
  },

  async 'header values with every kind of letter survive'(world) {
    const a = await world.client();
    const inbox = await a.subscribe(world.topic('headers'));
    // No c, n or r behind the backslash: STOMP.js 7.5 undoes escapes one kind after another and takes the backslash of
    // an escaped backslash, with the letter behind it, for an escape of its own.
    const value = 'a:b\\x\nd\re – ä€😀';
    await a.publish(world.topic('headers'), '', { note: value, empty: '' });
    const message = await inbox.next();
    equal(message.headers.note, value, 'note');
    equal(message.headers.empty, '', 'empty');
  },

  async 'a thousand messages arrive in order'(world) {
    const [a, b] = [await world.client(), await world.client()];
    const inbox = await b.subscribe(world.topic('order'));
    for (let i = 0; i < 1000; i++) a.client.publish({ destination: world.topic('order'), body: String(i) });
    for (let i = 0; i < 1000; i++) equal((await inbox.next()).body, String(i), 'message');
  },

  async 'after UNSUBSCRIBE nothing comes'(world) {
    const a = await world.client();
    const first = await a.subscribe(world.topic('unsub'));
    await a.publish(world.topic('unsub'), '1');
    equal((await first.next()).body, '1', 'body');
    await a.unsubscribe(first);
    await a.publish(world.topic('unsub'), '2');
    const second = await a.subscribe(world.topic('unsub'));
    await a.publish(world.topic('unsub'), '3');
    equal((await second.next()).body, '3', 'body');
    equal(first.messages.length, 0, 'messages after UNSUBSCRIBE');
  },

  async 'ACK settles a message in every version'(world) {
    for (const version of versions) {
      const a = await world.client(only(version));
      const queue = world.queue(`ack-${version}`);
      await a.publish(queue, '1');
      await a.publish(queue, '2');
      const first = await a.subscribe(queue, { ack: 'client-individual' });
      const message = await first.next();
      const [headers, done] = a.receipt();
      message.ack(headers);
      await done;
      equal((await first.next()).body, '2', 'body');
      await a.unsubscribe(first);
      const second = await a.subscribe(queue);
      const again = await second.next();
      equal(again.body, '2', 'the one that was not acknowledged');
      equal(again.headers.redelivered, 'true', 'redelivered');
    }
  },

  async 'NACK brings a message back, or sends it to the dead-letter queue'(world) {
    for (const version of ['1.1', '1.2']) {
      const a = await world.client(only(version));
      const queue = world.queue(`nack-${version}`);
      await a.publish(queue, 'again', { mark: `${world.run}-${version}` });
      const inbox = await a.subscribe(queue, { ack: 'client' });
      (await inbox.next()).nack();
      const again = await inbox.next();
      equal(again.headers.redelivered, 'true', 'redelivered');
      equal(again.headers['delivery-count'], '2', 'delivery-count');
      const dead = await a.subscribe('/queue/DLQ', { ack: 'client-individual' });
      again.nack({ requeue: 'false' });
      for (;;) {
        const letter = await dead.next();
        letter.ack();
        if (letter.headers.mark === `${world.run}-${version}`) break;
      }
      await a.unsubscribe(dead); // or it would get the letters of the next version
    }
  },

  async 'cumulative ACK settles all before it'(world) {
    const a = await world.client();
    const queue = world.queue('cumulative');
    for (const body of ['1', '2', '3', '4']) await a.publish(queue, body);
    const inbox = await a.subscribe(queue, { ack: 'client' });
    await inbox.next();
    await inbox.next();
    (await inbox.next()).ack();
    await inbox.next();
    await a.unsubscribe(inbox);
    equal((await (await a.subscribe(queue)).next()).body, '4', 'what is left');
  },

  async 'a transaction is delivered at COMMIT and forgotten at ABORT'(world) {
    const [a, b] = [await world.client(), await world.client()];
    const inbox = await b.subscribe(world.topic('tx'));
    const aborted = a.client.begin();
    a.client.publish({ destination: world.topic('tx'), body: 'aborted', headers: { transaction: aborted.id } });
    aborted.abort();
    const committed = a.client.begin();
    a.client.publish({ destination: world.topic('tx'), body: 'committed', headers: { transaction: committed.id } });
    await a.publish(world.topic('tx'), 'outside');
    committed.commit();
    equal((await inbox.next()).body, 'outside', 'first');
    equal((await inbox.next()).body, 'committed', 'second');
  },

  async 'an answer comes to a temporary queue'(world) {
    const [asker, server] = [await world.client(), await world.client()];
    const questions = await server.subscribe(world.queue('questions'));
    const answers = await asker.subscribe('/temp-queue/answers');
    await asker.publish(world.queue('questions'), 'six times seven', { 'reply-to': '/temp-queue/answers', 'correlation-id': 'c' });
    const question = await questions.next();
    await server.publish(question.headers['reply-to'], '42', { 'correlation-id': question.headers['correlation-id'] });
    const answer = await answers.next();
    equal(answer.body, '42', 'answer');
    equal(answer.headers['correlation-id'], 'c', 'correlation-id');
  },

  async 'a body of a mebibyte survives'(world) {
    const a = await world.client();
    const inbox = await a.subscribe(world.topic('large'));
    const body = 'ä€😀x'.repeat(104858); // ten octets each
    await a.publish(world.topic('large'), body);
    equal((await inbox.next()).body, body, 'body');
  },

  async 'a mebibyte sent in small pieces survives'(world) {
    const a = await world.client({ splitLargeFrames: true, maxWebSocketChunkSize: 8 * 1024 });
    const inbox = await a.subscribe(world.topic('split'));
    const body = '0123456789abcdef'.repeat(65536);
    await a.publish(world.topic('split'), body);
    equal((await inbox.next()).body, body, 'body');
  },

  async 'octets that are no text survive'(world) {
    const a = await world.client();
    const inbox = await a.subscribe(world.topic('binary'));
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    await a.publish(world.topic('binary'), all, { 'content-type': 'application/octet-stream' });
    sameBytes((await inbox.next()).binaryBody, all, 'binary body');
    await a.publish(world.topic('binary'), new Uint8Array(3));
    sameBytes((await inbox.next()).binaryBody, new Uint8Array(3), 'three NULs');
  },

  async 'a mebibyte of octets survives'(world) {
    const a = await world.client();
    const inbox = await a.subscribe(world.topic('large-binary'));
    const body = Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
    await a.publish(world.topic('large-binary'), body);
    sameBytes((await inbox.next()).binaryBody, body, 'binary body');
  },

  async 'frames in binary messages are taken'(world) {
    const a = await world.client({ forceBinaryWSFrames: true });
    const inbox = await a.subscribe(world.topic('forced'));
    await a.publish(world.topic('forced'), 'text ä');
    equal((await inbox.next()).body, 'text ä', 'body');
  },

  async 'an ERROR reaches the client before the connection closes'(world) {
    const a = await world.client();
    a.client.publish({ destination: 'nowhere', body: 'x', headers: { receipt: 'r' } });
    const error = await a.error;
    equal(error.headers.code, 'destination unknown', 'code');
    equal(error.headers['receipt-id'], 'r', 'receipt-id');
    equal(error.headers['content-type'], 'text/plain', 'content-type');
    if (!error.body.includes('nowhere')) throw new Error(`the body says nothing of it: ${error.body}`);
    await a.closed;
  },

  async 'DISCONNECT is answered by a receipt'(world) {
    const a = await world.client();
    const bye = new Promise((resolve) => { a.client.onDisconnect = resolve; });
    await a.client.deactivate();
    equal((await bye).command, 'RECEIPT', 'answer to DISCONNECT');
  },

  async 'heart-beats go both ways'(world) {
    const a = await world.client({ heartbeatIncoming: 100, heartbeatOutgoing: 100 });
    await a.when(() => a.beats.in >= 5 && a.beats.out >= 5);
    const inbox = await a.subscribe(world.topic('beats'));
    await a.publish(world.topic('beats'), 'alive');
    equal((await inbox.next()).body, 'alive', 'body');
  },

  async 'a worker thread beats as well'(world) {
    const a = await world.client({ heartbeatOutgoing: 100, heartbeatStrategy: TickerStrategy.Worker });
    await a.when(() => a.beats.out >= 5);
    await a.publish(world.topic('worker'), 'alive');
  },

  async 'the client comes back after the broker restarts'(world) {
    const inboxes = [];
    let cameBack;
    const back = new Promise((resolve) => { cameBack = resolve; });
    const a = await world.client({
      reconnectDelay: 50,
      onConnect: async () => {
        // This runs before client() resolves the first time: a has no value yet then.
        inboxes.push(null);
        if (inboxes.length > 1) cameBack();
      },
    });
    const before = await a.subscribe(world.topic('restart'));
    await a.publish(world.topic('restart'), 'before');
    equal((await before.next()).body, 'before', 'body');
    await world.control('/restart');
    await back;
    const after = await a.subscribe(world.topic('restart'));
    await a.publish(world.topic('restart'), 'after');
    equal((await after.next()).body, 'after', 'body');
    await a.client.deactivate();
  },
};

// run plays one scenario and gives {name, ok, error, ms}.
export async function run(name, options, patience = 20_000) {
  const started = Date.now();
  const world = new World({ ...options, name: name.replace(/[^a-z]+/gi, '-') });
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('nothing happened for too long')), patience); });
  try {
    await Promise.race([scenarios[name](world), late]);
    return { name, ok: true, ms: Date.now() - started };
  } catch (error) {
    return { name, ok: false, error: String(error?.stack ?? error), ms: Date.now() - started };
  } finally {
    clearTimeout(timer);
    await world.end();
  }
}
