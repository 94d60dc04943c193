// Plays the STOMP.js scenarios on a page in headless Chromium, driven by playwright-core, one JSON line each:
//   node browser.mjs PAGE_URL BROKER_URL PROFILE_DIRECTORY

import { createInterface } from 'node:readline/promises';
import { chromium } from 'playwright-core';
import { executable, flags } from './flags.mjs';

const [pageURL, brokerURL, profile] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// ask has the Go side do something, and resolves with its answer.
async function ask(what) {
  say({ ask: what });
  return (await answers.next()).value;
}

const browser = await chromium.launchPersistentContext(profile, { executablePath: executable, headless: true, args: flags });
const page = await browser.newPage();
page.on('pageerror', (error) => console.error(`page: ${error.stack}`));
await page.goto(pageURL);
await page.waitForFunction(() => window.ready);

const extra = {
  async 'typed by hand as in the handbook'() {
    const { protocol, heard } = await page.evaluate((url) => window.typed(url), brokerURL);
    if (protocol !== 'stomp') throw new Error(`sub-protocol ${protocol}`);
    if (!/^CONNECTED\nversion:1\.0\n/.test(heard[0])) throw new Error(`first message: ${JSON.stringify(heard[0])}`);
    if (heard[1] !== 'RECEIPT\nreceipt-id:r\n\n\0') throw new Error(`second message: ${JSON.stringify(heard[1])}`);
    if (!/^MESSAGE\n[^]*\n\nhello, typed\0$/.test(heard[2])) throw new Error(`third message: ${JSON.stringify(heard[2])}`);
  },
  async 'the page and a terminal client talk'() {
    await ask('terminal up'); // it is subscribed when this returns
    const talk = page.evaluate((url) => window.chat(url), brokerURL);
    const problem = await ask('terminal talks');
    if (problem !== 'ok') throw new Error(`the terminal: ${problem}`);
    const { body, note } = await talk;
    if (body !== 'hello from the terminal – ä€😀') throw new Error(`the page heard ${JSON.stringify(body)}`);
    if (note !== 'a:b\\x') throw new Error(`the page read the header ${JSON.stringify(note)}`);
    const end = await ask('terminal down');
    if (end !== 'ok') throw new Error(`the terminal: ${end}`);
  },
};

const names = await page.evaluate(() => window.names);
say({ plan: [...names, ...Object.keys(extra)] });
for (const name of names) {
  say(await page.evaluate(([name, url]) => window.play(name, url), [name, brokerURL]));
}
for (const [name, scenario] of Object.entries(extra)) {
  const started = Date.now();
  try {
    await scenario();
    say({ name, ok: true, ms: Date.now() - started });
  } catch (error) {
    say({ name, ok: false, error: String(error?.stack ?? error), ms: Date.now() - started });
  }
}
await browser.close();
process.exit(0);
