/** WebAssembly's own toolkit, the judge of what the assembler writes and the disassembler reads. */
import wabt from 'wabt';

/** All that WebAssembly 2.0 holds is on; these come after it. */
const FEATURES = { threads: true, tail_call: true, relaxed_simd: true } as const;

export interface Wabt {
  /** The module as text, one instruction a line. @throws Error unless it is valid. */
  toText(bytes: Uint8Array): string;
  /** The same for a module that is well formed and may break the rules of types. */
  toTextUnchecked(bytes: Uint8Array): string;
  /** The module that a text describes, valid or not. @throws Error if it is no text of one. */
  toBytes(text: string): Uint8Array;
}

export async function loadWabt(): Promise<Wabt> {
  const tool = await wabt();
  const print = (bytes: Uint8Array, isChecked: boolean): string => {
    const module = tool.readWasm(bytes, FEATURES);
    // It takes the features too, and without them knows only WebAssembly 2.0; its types forgot.
    const checked: { validate(features: typeof FEATURES): void } = module;
    try {
      if (isChecked) checked.validate(FEATURES);
      return module.toText({});
    } finally {
      module.destroy();
    }
  };
  return {
    toText: (bytes) => print(bytes, true),
    toTextUnchecked: (bytes) => print(bytes, false),
    toBytes(text) {
      const module = tool.parseWat('text.wat', text, FEATURES);
      try {
        return module.toBinary({}).buffer;
      } finally {
        module.destroy();
      }
    },
  };
}
