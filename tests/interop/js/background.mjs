// A page in a background tab of headless Chromium, whose timers the browser slows down to one a second:
//   node background.mjs PAGE_URL BROKER_URL STRICT_BROKER_URL PROFILE_DIRECTORY
//
// This one speaks the DevTools protocol itself. Playwright tells every page that it has the focus, so that none is ever
// in the background.

import { spawn } from 'node:child_process';
import WebSocket from 'ws';
import { executable, flags } from './flags.mjs';
import { play } from './play.mjs';

const [pageURL, brokerURL, strictURL, profile] = process.argv.slice(2);

const chromium = spawn(executable, [...flags, '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
process.on('exit', () => chromium.kill('SIGKILL'));

const address = await new Promise((resolve, reject) => {
  let said = '';
  chromium.stderr.on('data', (data) => {
    said += data;
    const found = said.match(/DevTools listening on (ws:\S+)/);
    if (found) resolve(found[1]);
  });
  chromium.once('exit', () => reject(new Error(`Chromium ended: ${said}`)));
});

const devtools = new WebSocket(address);
const waiting = new Map();
let calls = 0;
const loaded = new Map(); // by session: what to do when its page has loaded
devtools.on('message', (data) => {
  const { id, result, error, method, sessionId } = JSON.parse(data);
  if (method === 'Page.loadEventFired') loaded.get(sessionId)?.();
  const call = waiting.get(id);
  waiting.delete(id);
  if (error) call?.reject(new Error(error.message)); else call?.resolve(result);
});
await new Promise((resolve) => { devtools.on('open', resolve); });

function call(method, params = {}, sessionId) {
  return new Promise((resolve, reject) => {
    waiting.set(++calls, { resolve, reject });
    devtools.send(JSON.stringify({ id: calls, method, params, sessionId }));
  });
}

async function evaluate(session, expression) {
  const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, session);
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

// tab opens a page and waits until it has loaded, its scripts included.
async function tab() {
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
  await call('Page.enable', {}, sessionId);
  const done = new Promise((resolve) => { loaded.set(sessionId, resolve); });
  await call('Page.navigate', { url: pageURL }, sessionId);
  await done;
  return sessionId;
}

// background puts another tab in front.
async function background() {
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
  await call('Target.activateTarget', { targetId });
}

// Timers of a hidden page fire once a second, so a beat that is due every 1.5 seconds comes after 1 to 2 seconds.
const beat = 1500;

async function hidden(url, options, beats) {
  const page = await tab();
  await evaluate(page, `window.hide(${JSON.stringify(url)}, ${JSON.stringify(options)})`);
  await background();
  const state = await evaluate(page, `window.beaten(${beats})`);
  if (state.visibility !== 'hidden') throw new Error(`the page is ${state.visibility}`);
  return { page, end: state.end };
}

await play({
  async 'a hidden page lives by its slow heart-beats'({ equal }) {
    const { page, end } = await hidden(brokerURL, { heartbeatOutgoing: beat, heartbeatIncoming: 500 }, 4);
    equal(end, null, 'end of the connection');
    equal(await evaluate(page, 'window.lives()'), 'still here', 'message');
  },

  async 'a hidden page with a worker thread beats in time'({ equal }) {
    const { page, end } = await hidden(strictURL, { heartbeatOutgoing: 300, worker: true }, 15);
    equal(end, null, 'end of the connection');
    equal(await evaluate(page, 'window.lives()'), 'still here', 'message');
  },

  async 'without the tolerance a hidden page would be taken for dead'({ equal }) {
    const { end } = await hidden(strictURL, { heartbeatOutgoing: 300 }, 1000);
    equal(end, 'heart-beat timeout', 'end of the connection');
  },
});

const ended = new Promise((resolve) => { chromium.on('exit', resolve); });
await call('Browser.close');
await ended;
process.exit(0);
