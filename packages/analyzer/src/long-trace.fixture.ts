/** A trace of many chunks and a database for the time of one test. */
import { type Database, openDatabase } from './database.ts';
import { type FixtureTrace, makeTrace } from './trace.fixture.ts';

/** Segments of 5,000 transfers: two chunks and a part. Odd seqs take edge 2, even ones edge 1. */
export function longTrace(transfers: number): FixtureTrace {
  const list = Array.from({ length: transfers }, (_none, i) => (i === 0 ? 0 : 1 + (i % 2)));
  const edges = [
    { source: null, target: 0x1000n },
    { source: 0x1004n, target: 0x1000n, kind: 'branch' as const },
    { source: 0x1000n, target: 0x1004n, kind: 'jump' as const },
  ];
  return makeTrace({
    blocks: [{ pc: 0x1000n, code: '1300000013000000' }],
    edges,
    vcpus: [list],
    segmentTransfers: 5000,
  });
}

export async function withDatabase<Answer>(
  of: FixtureTrace,
  ask: (database: Database) => Promise<Answer>,
): Promise<Answer> {
  const database = await openDatabase(of);
  try {
    return await ask(database);
  } finally {
    await database.close();
  }
}
