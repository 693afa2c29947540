/** The few exports of @alexaltea/capstone-js that capstone.ts binds; the package has no types. */
declare module '@alexaltea/capstone-js' {
  /** Addresses and handles are offsets into the module's memory (wasm32). */
  export interface RawCapstone {
    _cs_open(architecture: number, mode: number, handleAt: number): number;
    _cs_close(handleAt: number): number;
    _cs_option(handle: number, option: number, value: number): number;
    _cs_malloc(handle: number): number;
    _cs_free(instruction: number, count: number): void;
    _cs_disasm_iter(
      handle: number,
      codeAt: number,
      sizeAt: number,
      addressAt: number,
      instruction: number,
    ): number;
    _malloc(bytes: number): number;
    _free(at: number): void;
  }
  export interface CapstoneOptions {
    print?: (line: string) => void;
    printErr?: (line: string) => void;
    instantiateWasm?: (
      imports: WasmImports,
      done: (instance: WasmInstance, module: object) => void,
    ) => WasmExports;
  }
  export default function load(options: CapstoneOptions): Promise<RawCapstone>;
}
