/**
 * Names as a programmer wrote them: C++ (Itanium and MSVC) and Rust (both manglings), by the wasm
 * of gecko-profiler-demangle. Its exports are bound here and not through the package's own glue:
 * Node warns of an experiment when a wasm file is imported as a module, and the glue keeps one
 * instance for the whole process.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { LruCache } from './lru-cache.ts';

const NAMES_MAX = 1 << 16;
/** Longer names cost more than they tell, and could run a demangler out of its stack. */
const NAME_CHARACTERS_MAX = 16_384;

/** How mangled names begin: Itanium C++ and legacy Rust, Rust v0, MSVC. */
const MANGLED = /^(_{1,4}Z|_{0,2}R[A-Z0-9]|\?)/;

export interface Demangler {
  /** The readable form, or `name` itself if it is not mangled. */
  readonly demangle: (name: string) => string;
}

/** What wasm-bindgen made of `fn demangle_any(name: &str) -> String`. */
interface RawDemangler {
  readonly memory: WasmMemory;
  /** Takes over the text at `at`; returns address and bytes of the result, to be freed. */
  demangle_any(at: number, bytes: number): [at: number, bytes: number];
  __wbindgen_malloc(bytes: number, alignment: number): number;
  __wbindgen_free(at: number, bytes: number, alignment: number): void;
}

function isRaw(
  found: WasmExports,
): found is WasmExports & { [Name in keyof RawDemangler]: RawDemangler[Name] } {
  const names = ['demangle_any', '__wbindgen_malloc', '__wbindgen_free'];
  return (
    found['memory'] instanceof WebAssembly.Memory &&
    names.every((name) => typeof found[name] === 'function')
  );
}

/** Null if the package does not hold what is expected: names then stay mangled. */
function load(): RawDemangler | null {
  const path = createRequire(import.meta.url).resolve('gecko-profiler-demangle/index_bg.wasm');
  const module = new WebAssembly.Module(readFileSync(path));
  // It would fill a table of JavaScript values, of which nothing here makes use.
  const imports = { './index_bg.js': { __wbindgen_init_externref_table: () => {} } };
  const { exports } = new WebAssembly.Instance(module, imports);
  return isRaw(exports) ? exports : null;
}

function call(raw: RawDemangler, name: string): string {
  const bytes = Buffer.from(name, 'utf8');
  const at = raw.__wbindgen_malloc(bytes.length, 1);
  new Uint8Array(raw.memory.buffer).set(bytes, at >>> 0);
  const [resultAt, resultBytes] = raw.demangle_any(at, bytes.length);
  const text = Buffer.from(raw.memory.buffer, resultAt >>> 0, resultBytes).toString('utf8');
  raw.__wbindgen_free(resultAt, resultBytes, 1);
  return text;
}

/** Loads the wasm (about 5 ms) with the first name that needs it. */
export function createDemangler(): Demangler {
  const cache = new LruCache<string, string>(NAMES_MAX);
  let raw: RawDemangler | null = null;
  let isBroken = false;

  const readable = (name: string): string => {
    if (isBroken) return name;
    try {
      raw ??= load();
      if (raw !== null) return call(raw, name);
    } catch {
      // A trap leaves the memory in an unknown state: mangled names are better than wrong ones.
    }
    isBroken = true;
    return name;
  };

  return {
    demangle(name) {
      if (name.length > NAME_CHARACTERS_MAX || !MANGLED.test(name)) return name;
      const known = cache.get(name);
      if (known !== undefined) return known;
      const found = readable(name);
      // What it cannot read it gives back, less the underscore that Mach-O puts before names.
      const text = name.endsWith(found) ? name : found;
      cache.set(name, text);
      return text;
    },
  };
}
