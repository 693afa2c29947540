/** What the tables of one database share: symbols, and where the addresses of its tables lie. */
import { NO_ROW, type Trace } from '@backtrail/recorder/trace';
import { type InstructionIndex, indexInstructions } from './instructions.ts';
import {
  type AddressColumn,
  blockTimes,
  PlaceFinder,
  type Places,
  type SymbolSource,
} from './names.ts';

/** Each part is worked out when it is first needed, then kept. */
export interface TableContext {
  readonly trace: Trace;
  readonly demangle: (name: string) => string;
  readonly edgePlaces: () => Places<'source' | 'target'>;
  readonly blockPlaces: () => Places<'pc'>;
  readonly markPlaces: () => Places<'pc'>;
  readonly instructions: () => InstructionIndex;
  readonly instructionPlaces: () => Places<'pc'>;
}

export function once<Value>(make: () => Value): () => Value {
  let kept: { readonly value: Value } | null = null;
  return () => {
    kept ??= { value: make() };
    return kept.value;
  };
}

export function createTableContext(
  trace: Trace,
  makeSymbols: () => SymbolSource,
  demangle: (name: string) => string,
): TableContext {
  const symbols = once(makeSymbols);
  const blockTimeNs = once(() => blockTimes(trace));
  const finder = once(() => new PlaceFinder(symbols(), demangle));
  const edgePlaces = once(() => {
    const { edges } = trace;
    const timeNs = blockTimeNs();
    const source: AddressColumn = {
      count: edges.count,
      address: (row) => (edges.hasSource[row] === 1 ? (edges.source[row] ?? null) : null),
      timeNs: (row) => timeNs(edges.sourceBlock[row] ?? NO_ROW),
    };
    const target: AddressColumn = {
      count: edges.count,
      address: (row) => edges.target[row] ?? null,
      timeNs: (row) => timeNs(edges.targetBlock[row] ?? NO_ROW),
    };
    return finder().find({ source, target });
  });
  const blockPlaces = once(() => {
    const { blocks } = trace;
    const pc: AddressColumn = {
      count: blocks.count,
      address: (row) => blocks.pc[row] ?? null,
      timeNs: blockTimeNs(),
    };
    return finder().find({ pc });
  });
  const markPlaces = once(() => {
    const { marks } = trace;
    const pc: AddressColumn = {
      count: marks.count,
      address: (row) => (marks.hasPc[row] === 1 ? (marks.pc[row] ?? null) : null),
      timeNs: (row) => marks.timeNs[row],
    };
    return finder().find({ pc });
  });
  const instructions = once(() => indexInstructions(trace));
  const instructionPlaces = once(() => {
    const { count, pc: address, block } = instructions();
    const timeNs = blockTimeNs();
    const pc: AddressColumn = {
      count,
      address: (row) => address[row] ?? null,
      timeNs: (row) => timeNs(block[row] ?? NO_ROW),
    };
    return finder().find({ pc });
  });
  return {
    trace,
    demangle,
    edgePlaces,
    blockPlaces,
    markPlaces,
    instructions,
    instructionPlaces,
  };
}
