/**
 * The part of the WebAssembly JavaScript interface that the engine uses, typed. TypeScript has the
 * types only together with those of a browser's document.
 */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
  grow(pages: number): number;
}

/** What a table holds and an instance exports. Parameters and results of type i64 are bigints. */
export type WasmFunction = (...values: (number | bigint)[]) => unknown;

export interface WasmTable {
  readonly length: number;
  grow(more: number): number;
  set(place: number, value: WasmFunction | null): void;
  get(place: number): WasmFunction | null;
}

/** Compiled code; may be sent to other threads. */
export interface WasmModule {
  readonly [Symbol.toStringTag]: string;
}

export interface WasmInstance {
  readonly exports: Readonly<Record<string, WasmFunction>>;
}

/** What a module imports; `never` parameters, since each import has its own. */
export type WasmImports = Readonly<
  Record<
    string,
    Readonly<Record<string, WasmMemory | WasmTable | ((...values: never[]) => unknown)>>
  >
>;

interface WasmHost {
  readonly Memory: new (limits: { initial: number; maximum: number; shared: true }) => WasmMemory;
  readonly Table: new (limits: { element: 'anyfunc'; initial: number }) => WasmTable;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: WasmImports) => WasmInstance;
  readonly validate: (bytes: Uint8Array<ArrayBuffer>) => boolean;
}

/** Every Node that runs this has it. */
export const wasm: WasmHost = (globalThis as unknown as { readonly WebAssembly: WasmHost })
  .WebAssembly;
