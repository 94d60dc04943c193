// Looks at the console in headless Chromium, as a person would:
//   node console.mjs PAGE_URL PROFILE_DIRECTORY

import { chromium } from 'playwright-core';
import { executable, flags } from './flags.mjs';
import { play } from './play.mjs';

const [pageURL, profile] = process.argv.slice(2);

const browser = await chromium.launchPersistentContext(profile, { executablePath: executable, headless: true, args: flags });
const page = await browser.newPage();
const trouble = [];
page.on('pageerror', (error) => trouble.push(error.stack));
page.on('console', (message) => { if (message.type() === 'error') trouble.push(message.text()); });
await page.goto(pageURL);

const text = (selector) => page.locator(selector).innerText();
const row = (name) => page.locator('#destination-rows tr', { hasText: name });

await play({
  async 'a frame is typed, and what comes back is shown'({ equal }) {
    await page.click('#tab-frames');
    await page.click('#connect');
    await page.click('#send:not([disabled])'); // the CONNECT frame is there already
    await page.locator('.card.received h2', { hasText: 'CONNECTED' }).waitFor();
    const frame = async (content) => {
      await page.fill('#frame', content);
      await page.press('#frame', 'Control+Enter');
    };
    await frame('SUBSCRIBE\nid:7\ndestination:/queue/console\nack:client-individual\n\n');
    await frame('SEND\ndestination:/queue/console\nnote:a\\cb\n\n<b>not markup</b>');
    const message = page.locator('.card.received', { hasText: 'MESSAGE' });
    await message.waitFor();
    equal(await message.locator('pre').innerText(), '<b>not markup</b>', 'body');
    equal(await message.locator('dt', { hasText: /^note$/ }).locator('xpath=following-sibling::dd[1]').innerText(), 'a:b', 'header');
    await message.locator('button', { hasText: /^ACK$/ }).click();
    await frame('NONSENSE\n\n');
    await page.locator('.card.error', { hasText: 'unknown command' }).waitFor();
    await page.locator('.card.note', { hasText: 'closed' }).waitFor();
  },

  async 'the destinations are listed with what is in them'() {
    await page.click('#tab-destinations');
    await page.fill('#destination-filter', 'CONSOLE');
    await row('/queue/console').waitFor();
    await page.waitForFunction(() => document.querySelector('#destination-count').textContent.startsWith('1 of '));
    await page.fill('#destination-filter', '');
    await row('/queue/kept').locator('td:nth-child(4)', { hasText: /^3$/ }).waitFor();
  },

  async 'the connections are listed and drawn'() {
    await page.click('#tab-frames');
    await page.click('#connect');
    await page.click('#send:not([disabled])');
    await page.click('#tab-connections');
    await page.locator('#connection-rows td', { hasText: '1.2' }).first().waitFor();
    await page.locator('#chart-connections polyline').waitFor({ state: 'attached' });
  },

  async 'the supervision tree is shown'({ equal }) {
    await page.click('#tab-tree');
    await page.locator('#tree-picture .row', { hasText: 'destination' }).first().waitFor();
    for (const role of ['broker', 'connections', 'listeners']) {
      equal(await page.locator('#tree-picture .state', { hasText: new RegExp(`^${role}$`) }).count(), 1, role);
    }
  },

  async 'it works by keyboard, and nothing failed on the way'({ equal }) {
    await page.focus('#tab-tree');
    await page.keyboard.press('ArrowRight');
    equal(await page.locator('[role=tab][aria-selected=true]').innerText(), 'Destinations', 'tab');
    equal(await text('#feed'), 'live', 'feed');
    equal(trouble.join('\n'), '', 'errors of the page');
  },
});
await browser.close();
