/**
 * What a crash report says of a program that was built here and now, without what another compiler
 * or C library would do otherwise. Left out, and shown as `…`: offsets in functions, positions,
 * counts, instructions, addresses in files and on the stack, functions that are not in the source.
 */
import type { CrashFrame, CrashPlace, CrashReport } from '@backtrail/analyzer';

export function endingText(report: CrashReport, ours: ReadonlySet<string>): string {
  const { end, where, stack, brokenReturns, wildJumps, events } = report;
  const name = (place: CrashPlace | null): string => placeText(place, ours);
  const lines = [
    `ended: ${end.signal ?? end.how}, code ${end.code ?? '?'}: ${end.codeSays ?? '?'}`,
  ];
  if (where !== null) {
    lines.push(`where: ${where.known}, ${where.isCode ? 'code' : 'no code'}, ${name(where.place)}`);
    if (where.returnsTo !== null) lines.push(`its return was to go to ${name(where.returnsTo)}`);
  }
  for (const broken of brokenReturns?.first ?? []) {
    const { source, target, expected, callSite } = broken;
    lines.push(
      `broken return: ${name(source)} → ${name(target)}, not ${name(expected)}; ` +
        `called from ${name(callSite)}`,
    );
  }
  for (const { how, kind, source, target } of wildJumps) {
    lines.push(`wild ${kind}, ${how}: ${name(source)} → ${name(target)}`);
  }
  for (const { kind, number, name: word, place, isOpen } of events) {
    lines.push(
      `last ${kind}: ${number} (${word}) at ${name(place)}, ${isOpen ? 'open' : 'returned'}`,
    );
  }
  lines.push('stack:');
  const frames = stack?.frames.map((frame) => frameText(frame, ours)) ?? [];
  if ((stack?.omitted ?? 0) > 0) lines.push('  (some are left out)');
  lines.push(...folded(frames), `  bottom ${stack?.isBottomKnown ? 'known' : 'not known'}`);
  lines.push(`not known: ${report.unknown.map(({ code }) => code).join(', ') || 'nothing'}`);
  lines.push(`next: ${report.next.map(({ words }) => words[0]).join(', ')}`);
  return `${lines.join('\n')}\n`;
}

/** Repeated lines once. */
const folded = (lines: readonly string[]): string[] =>
  lines.filter((line, i) => line !== lines[i - 1] && (i < 2 || line !== lines[i - 2]));

/** `fill+… (smashed-return.c:8)`; `…` for what is not ours. */
function placeText(place: CrashPlace | null, ours: ReadonlySet<string>): string {
  if (place === null) return '?';
  // Outside of every file an address is one that the program made up, but for stacks.
  if (place.symbol === place.address) return place.address.length > 10 ? '0x…' : place.address;
  const [, name = '', offset] = /^(.*?)(\+0x[0-9a-f]+)?$/.exec(place.symbol) ?? [];
  if (!ours.has(name.replace(/\(.*/, ''))) return '…';
  const { source } = place;
  const line = source === null ? '' : ` (${source.file.replace(/.*\//, '')}:${source.line})`;
  return `${name}${offset === undefined ? '' : '+…'}${line}`;
}

function frameText(frame: CrashFrame, ours: ReadonlySet<string>): string {
  const { place, entered, entry, moved } = frame;
  const at = placeText(place, ours);
  if (at === '…') return '  …';
  if (moved === null) return `  ${at}, ${entered}`;
  const from = placeText(moved.source, ours);
  return `  ${at}, ${moved.how} from ${from}, in place of ${placeText(entry, ours)}, ${entered}`;
}
