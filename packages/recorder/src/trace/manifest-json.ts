/**
 * manifest.json → Manifest and back. Every field is checked: what the type promises is so. Fields
 * this build does not know are left alone. `crc32`, written last, covers all the others, in every
 * version; a manifest without it is read as well.
 */
import { crc32 } from 'node:zlib';
import { BacktrailError } from '../errors.ts';
import type {
  End,
  KeepMode,
  Losses,
  Manifest,
  Relative,
  SymbolFile,
  UnknownCall,
} from './manifest.ts';
import { TRACE_FORMAT, TRACE_VERSION } from './schema.ts';

type Json = Readonly<Record<string, unknown>>;

const checksum = (fields: Json): string =>
  crc32(JSON.stringify(fields)).toString(16).padStart(8, '0');

/** The text of the file, with its checksum. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, crc32: checksum({ ...manifest }) }, null, 2)}\n`;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads fields of one object; errors name the field by its path. */
class Fields {
  private readonly object: Json;
  private readonly at: string;
  private readonly path: string;

  constructor(object: Json, at: string, path: string) {
    this.object = object;
    this.at = at;
    this.path = path;
  }

  private get(name: string): unknown {
    return Object.hasOwn(this.object, name) ? this.object[name] : undefined;
  }

  fail(name: string, expected: string): BacktrailError {
    const value = this.get(name);
    const json = value === undefined ? 'nothing' : JSON.stringify(value);
    const found = json.length > 60 ? `${json.slice(0, 60)}…` : json;
    return damaged(this.path, `found ${this.at}${name}: ${found}, expected ${expected}`);
  }

  child(name: string): Fields {
    const value = this.get(name);
    if (!isObject(value)) throw this.fail(name, 'an object');
    return new Fields(value, `${this.at}${name}.`, this.path);
  }

  orNull<T>(name: string, read: (name: string) => T): T | null {
    return this.get(name) === null ? null : read(name);
  }

  /** A field that older traces do not have. */
  ifThere<T>(name: string, read: (name: string) => T): T | null {
    return this.get(name) === undefined ? null : this.orNull(name, read);
  }

  /** A list of objects. */
  children(name: string): Fields[] {
    const value = this.get(name);
    if (!Array.isArray(value)) throw this.fail(name, 'a list');
    return value.map((item: unknown, place) => {
      if (!isObject(item)) throw this.fail(name, 'a list of objects');
      return new Fields(item, `${this.at}${name}[${place}].`, this.path);
    });
  }

  text(name: string): string {
    const value = this.get(name);
    if (typeof value !== 'string') throw this.fail(name, 'text');
    return value;
  }

  texts(name: string): string[] {
    const value = this.get(name);
    if (!Array.isArray(value)) throw this.fail(name, 'a list of texts');
    return value.map((item: unknown) => {
      if (typeof item !== 'string') throw this.fail(name, 'a list of texts');
      return item;
    });
  }

  flag(name: string): boolean {
    const value = this.get(name);
    if (typeof value !== 'boolean') throw this.fail(name, 'true or false');
    return value;
  }

  /** A whole number from 0 to 2^53 - 1. */
  whole(name: string): number {
    const value = this.get(name);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      throw this.fail(name, 'a whole number from 0 to 2^53 - 1');
    }
    return value;
  }

  /** As whole(), of a field that older traces do not have. */
  wholeOr(name: string, absent: number): number {
    return this.get(name) === undefined ? absent : this.whole(name);
  }

  oneOf<const T extends string | number>(name: string, choices: readonly T[]): T {
    const value = this.get(name);
    const choice = choices.find((item) => item === value);
    if (choice === undefined) throw this.fail(name, choices.join(' or '));
    return choice;
  }

  matching(name: string, pattern: RegExp, expected: string): string {
    const value = this.text(name);
    if (!pattern.test(value)) throw this.fail(name, expected);
    return value;
  }
}

const damaged = (path: string, what: string): BacktrailError =>
  new BacktrailError(
    'E_TRACE_DAMAGED',
    `${path}: ${what}. Restore the file from a copy, or record again.`,
  );

function readEnd(fields: Fields): End {
  const how = fields.oneOf('how', ['exit', 'signal', 'unknown']);
  switch (how) {
    case 'exit':
      return { how, status: fields.whole('status') };
    case 'signal':
      return { how, signal: fields.text('signal'), number: fields.whole('number') };
    case 'unknown':
      return { how };
  }
}

function readUnknownCalls(fields: Fields, name: string): UnknownCall[] {
  return fields
    .children(name)
    .map((call) => ({ name: call.text('name'), count: call.whole('count') }));
}

function readSymbolFiles(fields: Fields, name: string): SymbolFile[] {
  return fields.children(name).map((file) => ({
    path: file.text('path'),
    base: file.matching('base', /^0x[0-9a-f]{1,16}$/, '0x and up to 16 hexadecimal digits'),
  }));
}

/** Beside this trace, above it or below it: a trace names no other place of the machine. */
const RELATIVE = /^(?:\.\.\/\.\.|(?:\.\.|children)\/[0-9]{1,10}(?:\.[0-9]{1,10})?\.trace)$/;

function readRelative(fields: Fields): Relative {
  const how = fields.ifThere('how', (name) => fields.oneOf(name, ['exec'] as const));
  return {
    pid: fields.whole('pid'),
    directory: fields.matching('directory', RELATIVE, '../.., ../N.trace or children/N.trace'),
    ...(how !== null && { how }),
  };
}

function readLosses(fields: Fields): Losses {
  return {
    overwritten: fields.whole('overwritten'),
    unrecorded: fields.whole('unrecorded'),
    damaged: fields.whole('damaged'),
    vcpusUnrecorded: fields.whole('vcpusUnrecorded'),
    forksUnrecorded: fields.whole('forksUnrecorded'),
    execsUnrecorded: fields.whole('execsUnrecorded'),
  };
}

function readTotals(fields: Fields): Manifest['totals'] {
  return {
    transfers: fields.whole('transfers'),
    instructions: fields.whole('instructions'),
    segments: fields.whole('segments'),
    edges: fields.whole('edges'),
    blocks: fields.whole('blocks'),
    marks: fields.whole('marks'),
    modules: fields.whole('modules'),
    symbols: fields.whole('symbols'),
    sources: fields.wholeOr('sources', 0),
    lines: fields.wholeOr('lines', 0),
    inlines: fields.wholeOr('inlines', 0),
    vcpus: fields.whole('vcpus'),
    bytes: fields.whole('bytes'),
    waitNs: fields.whole('waitNs'),
  };
}

const KEEP_MODES: readonly KeepMode[] = ['all', 'last'];

function readFields(fields: Fields): Manifest {
  const engine = fields.child('engine');
  const guest = fields.child('guest');
  const ring = fields.child('ring');
  const start = fields.ifThere('start', (name) => fields.text(name));
  const filter = fields.ifThere('filter', (name) => fields.texts(name));
  const symbolFiles = fields.ifThere('symbolFiles', (name) => readSymbolFiles(fields, name));
  const pid = fields.ifThere('pid', (name) => fields.whole(name));
  const parent = fields.ifThere('parent', (name) => readRelative(fields.child(name)));
  const children = fields.ifThere('children', (name) => fields.children(name).map(readRelative));
  return {
    format: TRACE_FORMAT,
    version: fields.whole('version'),
    complete: fields.flag('complete'),
    recovered: fields.flag('recovered'),
    engine: {
      name: engine.text('name'),
      version: engine.text('version'),
      hostIsa: engine.text('hostIsa'),
      mode: engine.oneOf('mode', ['user', 'system']),
    },
    guest: {
      isa: guest.text('isa'),
      endian: guest.oneOf('endian', ['little', 'big']),
      addressBits: guest.oneOf('addressBits', [32, 64]),
    },
    command: fields.texts('command'),
    directory: fields.text('directory'),
    started: fields.matching('started', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'a time as in ISO 8601, UTC'),
    startedNs: fields.matching('startedNs', /^\d{1,20}$/, 'nanoseconds, as decimal digits'),
    durationNs: fields.orNull('durationNs', (name) => fields.whole(name)),
    end: fields.orNull('end', (name) => readEnd(fields.child(name))),
    note: fields.ifThere('note', (name) => fields.text(name)),
    unknownCalls: fields.ifThere('unknownCalls', (name) => readUnknownCalls(fields, name)) ?? [],
    ...(symbolFiles !== null && { symbolFiles }),
    ...(start !== null && { start }),
    ...(filter !== null && { filter }),
    ...(pid !== null && { pid }),
    ...(parent !== null && { parent }),
    ...(children !== null && { children }),
    keep: fields.oneOf('keep', KEEP_MODES),
    stopped: fields.orNull('stopped', (name) => fields.text(name)),
    ring: {
      bytes: ring.whole('bytes'),
      segments: ring.whole('segments'),
      segmentTransfers: ring.whole('segmentTransfers'),
    },
    totals: readTotals(fields.child('totals')),
    losses: readLosses(fields.child('losses')),
  };
}

/**
 * @param name Of the trace, for the message about a newer version.
 * @param path Of the file, for all others.
 * @throws BacktrailError E_NO_TRACE, E_TRACE_VERSION, E_TRACE_DAMAGED
 */
export function parseManifest(text: string, name: string, path: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged(path, `found ${text.length} characters that are no JSON, expected a manifest`);
  }
  if (!isObject(json)) throw damaged(path, 'found no JSON object, expected a manifest');
  const { crc32: stated, ...rest } = json;
  const fields = new Fields(rest, '', path);
  if (rest['format'] !== TRACE_FORMAT) {
    throw new BacktrailError(
      'E_NO_TRACE',
      `${path}: found format ${JSON.stringify(rest['format']) ?? 'none'}, ` +
        `expected "${TRACE_FORMAT}". Name a directory that backtrail record made.`,
    );
  }
  // Before the version: a flipped bit in it is damage, and no newer trace.
  if (stated !== undefined && stated !== checksum(rest)) {
    throw damaged(path, `found crc32 ${JSON.stringify(stated)}, expected "${checksum(rest)}"`);
  }
  const version = fields.whole('version');
  if (version > TRACE_VERSION) {
    throw new BacktrailError(
      'E_TRACE_VERSION',
      `${name}: format version ${version}, this build reads ${TRACE_VERSION}. Update backtrail.`,
    );
  }
  if (version < 1) throw fields.fail('version', `1 to ${TRACE_VERSION}`);
  return readFields(fields);
}
