/** The part of WebAssembly used here; TypeScript has it only among the types of browsers. */
type WasmExports = Readonly<Record<string, unknown>>;
type WasmImports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface WasmMemory {
  /** Another one after the memory has grown. */
  readonly buffer: ArrayBuffer;
}

interface WasmInstance {
  readonly exports: WasmExports;
}

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (limits: { initial: number }) => WasmMemory;
  readonly Instance: new (module: object, imports: WasmImports) => WasmInstance;
};
