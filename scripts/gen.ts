/** `npm run gen`: makes every generated file anew. Tests fail while one of them is stale. */
import { readFileSync, writeFileSync } from 'node:fs';
import { COMMANDS_PATH, renderCommands } from './gen-commands.ts';
import { CRASH_REPORT_PATH, renderCrashReport } from './gen-crash-report.ts';
import { RING_HEADER_PATH, renderRingHeader } from './gen-ring-header.ts';
import { renderSqlDocs, SQL_DOCS_PATH } from './gen-sql-docs.ts';
import { renderTraceFormat, TRACE_FORMAT_PATH } from './gen-trace-format.ts';
import { renderWalk, WALK_PATH } from './gen-walk-keys.ts';

interface Generated {
  /** From the root of the project. */
  readonly path: string;
  /** @param before what the file holds; empty if there is none yet. */
  readonly render: (before: string) => string;
}

const GENERATED: readonly Generated[] = [
  { path: RING_HEADER_PATH, render: renderRingHeader },
  { path: TRACE_FORMAT_PATH, render: renderTraceFormat },
  { path: CRASH_REPORT_PATH, render: renderCrashReport },
  { path: SQL_DOCS_PATH, render: renderSqlDocs },
  { path: COMMANDS_PATH, render: renderCommands },
  { path: WALK_PATH, render: renderWalk },
];

const ROOT = new URL('../', import.meta.url);

function readIfThere(file: URL): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

for (const { path, render } of GENERATED) {
  const file = new URL(path, ROOT);
  const before = readIfThere(file);
  const after = render(before);
  if (after !== before) writeFileSync(file, after);
  process.stdout.write(`${after === before ? 'fresh  ' : 'written'} ${path}\n`);
}
