// A browser as a process that speaks docs/peer-contract.md on stdin and stdout.
//
//   xtask --stdin--> peer.mjs --evaluate--> page/peer.js: RTCPeerConnection
//         <-stdout--          <--plywoodEmit--
//
// The connection itself lives in page/; here are only the launch, the lines, and the end. One command goes
// beyond the contract: {"type":"reset","flags":[..]} gives a fresh connection without a new browser.

import { createServer } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'page');
const PROGRAMS = { chromium: '/usr/bin/chromium', firefox: '/usr/bin/firefox-esr' };
const WITH_VALUE = ['--browser', '--ice-server', '--bind', '--opt'];
const PLAIN = ['--echo', '--relay-only', '--mdns', '--loopback'];

function usage(message) {
  process.stderr.write(`${message}\nusage: peer.mjs --browser chromium|firefox [flags of docs/peer-contract.md]\n`);
  process.exit(2);
}

/** The flags as an object; unknown ones end the process with code 2. */
function parse(words) {
  const flags = { iceServers: [] };
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at];
    if (PLAIN.includes(word)) {
      flags[word.slice(2)] = true;
    } else if (WITH_VALUE.includes(word) && at + 1 < words.length) {
      const value = words[(at += 1)];
      if (word === '--ice-server') flags.iceServers.push(iceServer(value));
      else flags[word.slice(2)] = value;
    } else {
      usage(`unknown flag ${word}`);
    }
  }
  return flags;
}

/** `URL,USER,PASS`, split at the first two commas. */
function iceServer(text) {
  const [urls, username, ...rest] = text.split(',');
  return username === undefined ? { urls } : { urls, username, credential: rest.join(',') };
}

/** Serves page/ on loopback: the page needs an origin. */
function serve() {
  const kinds = { html: 'text/html', js: 'text/javascript' };
  const server = createServer(async (request, response) => {
    const name = request.url === '/' ? 'index.html' : request.url.slice(1);
    try {
      if (!/^[a-z0-9]+\.(html|js)$/.test(name)) throw new Error('no such page');
      const body = await readFile(join(FOLDER, name));
      response.writeHead(200, { 'content-type': kinds[name.split('.').pop()] }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function launchOptions(flags, home) {
  const common = {
    executablePath: process.env[`PLYWOOD_${flags.browser.toUpperCase()}`] ?? PROGRAMS[flags.browser],
    headless: true,
    handleSIGINT: false,
    env: { ...process.env, HOME: home, MOZ_DISABLE_CONTENT_SANDBOX: '1' },
    timeout: 60_000,
  };
  if (flags.browser === 'firefox') {
    return {
      ...common,
      browser: 'firefox',
      extraPrefsFirefox: {
        'media.peerconnection.ice.obfuscate_host_addresses': Boolean(flags.mdns),
        'app.update.enabled': false,
        'network.captive-portal-service.enabled': false,
        'network.connectivity-service.enabled': false,
        ...(flags.opt === 'dtls=12' ? { 'media.peerconnection.dtls.version.max': 771 } : {}),
      },
    };
  }
  const hide = flags.mdns ? [] : ['--disable-features=WebRtcHideLocalIpsWithMdns'];
  return {
    ...common,
    browser: 'chrome',
    // Its own default switches would overrule --disable-features.
    args: [
      ...hide, '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
      '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage',
      '--disable-background-timer-throttling', '--disable-renderer-backgrounding',
      '--disable-backgrounding-occluded-windows',
    ],
  };
}

const flags = parse(process.argv.slice(2));
if (!(flags.browser in PROGRAMS)) usage('which browser?');

const home = await mkdtemp(join(tmpdir(), 'plywood-browser-'));
const server = await serve();
let browser;
let ending = false;

async function end(code) {
  if (ending) return;
  ending = true;
  const close = browser?.close() ?? Promise.resolve();
  await Promise.race([close.catch(() => {}), new Promise((resolve) => setTimeout(resolve, 1500))]);
  browser?.process()?.kill('SIGKILL');
  await rm(home, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  process.exit(code);
}

process.on('SIGTERM', () => end(0));
process.on('SIGINT', () => end(0));

try {
  browser = await puppeteer.launch(launchOptions(flags, home));
} catch (error) {
  process.stderr.write(`${flags.browser} does not start: ${error.message}\n`);
  await end(1);
}
browser.on('disconnected', () => end(1));

const page = await browser.newPage();
page.on('console', (message) => process.stderr.write(`${flags.browser}: ${message.text()}\n`));
page.on('pageerror', (error) => process.stderr.write(`${flags.browser}: ${error}\n`));
await page.exposeFunction('plywoodEmit', (lines) => {
  process.stdout.write(lines);
});
await page.goto(`http://127.0.0.1:${server.address().port}/`);
await page.waitForFunction('window.plywood !== undefined');

const start = (options) => page.evaluate((given) => window.plywood.start(given), options);
await start({ ...flags, impl: flags.browser });

createInterface({ input: process.stdin })
  .on('line', (line) => {
    let command;
    try {
      command = JSON.parse(line);
    } catch {
      process.stdout.write(`${JSON.stringify({ type: 'error', where: 'line', message: 'not JSON' })}\n`);
      return;
    }
    if (command.type === 'quit') {
      end(0);
    } else if (command.type === 'reset') {
      start({ ...parse(command.flags), impl: flags.browser }).catch(() => end(1));
    } else {
      page.evaluate((given) => window.plywood.command(given), command).catch(() => end(1));
    }
  })
  .on('close', () => end(0));
