/** Stdin and signals from one thread to another, both ends at once. */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { ConsoleServer } from './console.ts';
import type { Answer, Task } from './console-client.fixture.ts';

const FILE = new URL('./console-client.fixture.ts', import.meta.url);

class Pair {
  readonly input = new PassThrough();
  /** Whether anybody asked for stdin. */
  wasOpened = false;
  readonly server = new ConsoleServer({ rows: 50, columns: 132 }, () => {
    this.wasOpened = true;
    return this.input;
  });
  readonly #worker = new Worker(FILE, { workerData: this.server.shared });

  /** Begins a task and says what the guest's thread answers. */
  ask(what: Task['do']): Promise<Answer> {
    const answered = once(this.#worker, 'message').then(([answer]: Answer[]) => answer ?? null);
    this.#worker.postMessage({ do: what } satisfies Task);
    return answered;
  }

  async close(): Promise<void> {
    this.server.close();
    await this.#worker.terminate();
  }
}

describe('console', () => {
  let pair: Pair | null = null;
  const open = (): Pair => {
    pair = new Pair();
    return pair;
  };
  afterEach(async () => {
    await pair?.close();
    pair = null;
  });

  test('stdin is not touched before the guest wants it', async () => {
    open().input.write('hello');
    expect(await pair?.ask('sleep')).toEqual(['timeout']);
    expect(pair?.wasOpened).toBe(false);
    expect(await pair?.ask('wait')).toEqual(['input']);
    expect(await pair?.ask('read')).toBe('hello');
    expect(await pair?.ask('read')).toBeNull();
  });

  test('what is in the pipe already is there for who asks first, and asks at once', async () => {
    const { input } = open();
    input.write('hello');
    expect(await pair?.ask('read')).toBe('hello');
    input.end();
    expect(await pair?.ask('read')).toBe('');
  });

  test('input that comes while the guest waits', async () => {
    const { input } = open();
    const waiting = pair?.ask('wait');
    input.write('abcdefg');
    expect(await waiting).toEqual(['input']);
    expect(await pair?.ask('read')).toBe('abcde');
    expect(await pair?.ask('read')).toBe('fg');
    const end = pair?.ask('wait');
    input.end();
    expect(await end).toEqual(['input']);
    expect(await pair?.ask('read')).toBe('');
    expect(await pair?.ask('read')).toBe('');
  });

  test('more than fits into the mailbox arrives whole', async () => {
    const { input } = open();
    const all = pair?.ask('read-all');
    const text = Array.from({ length: 40_000 }, (_, line) => `line ${line}\n`).join('');
    input.write(text.slice(0, 300_000));
    input.end(text.slice(300_000));
    expect((await all) === text).toBe(true);
  });

  test('a great many small pieces: no end misses what the other does', async () => {
    const { input } = open();
    const all = pair?.ask('read-all');
    const pieces = Array.from({ length: 3000 }, (_, piece) => `${piece},`);
    // Each is put when the one before was taken from the stream, so the ends race.
    for (const piece of pieces) {
      input.write(piece);
      while (input.readableLength > 0) await new Promise(setImmediate);
    }
    input.end();
    expect(await all).toBe(pieces.join(''));
  });

  test('signals wake a guest that waits for input, and are not lost when it does not', async () => {
    const { server } = open();
    const waiting = pair?.ask('wait');
    server.signal(2);
    expect(await waiting).toEqual(['signal', 2]);
    for (const signal of [15, 34, 62, 15, 0, 64]) server.signal(signal);
    expect(await pair?.ask('wait')).toEqual(['signal', 15, 34, 62]);
  });

  test('the size of the terminal, also when it changes', async () => {
    const { server } = open();
    expect(await pair?.ask('size')).toEqual([50, 132]);
    server.resize({ rows: 10, columns: 20 });
    expect(await pair?.ask('size')).toEqual([10, 20]);
  });

  test('Ctrl-C among characters is a signal, unless the terminal is raw', async () => {
    const { input } = open();
    await pair?.ask('characters');
    const waiting = pair?.ask('wait');
    input.write('\x03');
    expect(await waiting).toEqual(['signal', 2]);
    const next = pair?.ask('wait');
    input.write('a\x1cb');
    expect(await next).toEqual(['signal', 3]);
    expect(await pair?.ask('wait')).toEqual(['input']);
    expect(await pair?.ask('read')).toBe('ab');
    await pair?.ask('raw');
    const raw = pair?.ask('wait');
    input.write('\x03');
    expect(await raw).toEqual(['input']);
    expect(await pair?.ask('read')).toBe('\x03');
  });

  test('a closed end leaves stdin alone', async () => {
    const { input, server } = open();
    const waiting = pair?.ask('wait');
    input.write('a');
    await waiting;
    server.close();
    expect(input.listenerCount('readable') + input.listenerCount('end')).toBe(0);
    server.signal(2);
    expect(await pair?.ask('wait')).toEqual(['signal', 2]);
  });
});
