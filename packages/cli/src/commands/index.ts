/** `backtrail index`: builds what questions about a long trace search by. */
import type { CommandSpec } from '../command.ts';
import { JSON_OPTION, TRACE_ARGUMENT } from '../options.ts';

export const INDEX: CommandSpec = {
  name: 'index',
  summary: 'Build what searches in a long trace go by',
  group: 'Look back',
  details: [
    'An index says which pairs of transfers each part of a trace holds, so that a search reads ' +
      'only parts that hold what it looks for. Commands that need it build it by themselves; ' +
      'this one does it beforehand, and anew if there is one. It is kept as index.cache in the ' +
      'folder of the trace, of which it is no part: delete it and nothing is lost but time.',
  ],
  arguments: [TRACE_ARGUMENT],
  options: [JSON_OPTION],
  examples: [{ line: 'backtrail index a.out.trace', says: 'before the first question' }],
  async run(call, io) {
    const { openTrace } = await import('@backtrail/recorder/trace');
    const { indexOf } = await import('../indexing.ts');
    const text = await import('../text.ts');
    const trace = openTrace(call.word(0));
    const { index, path, bytes, elapsedMs } = await indexOf(trace, io, true);
    const perSecond = elapsedMs > 0 ? Math.round(trace.transfers / (elapsedMs / 1000)) : 0;
    const ofTrace = trace.manifest.totals.bytes;
    if (call.flag('json')) {
      const facts = {
        path,
        bytes,
        traceBytes: ofTrace,
        transfers: trace.transfers,
        hops: index.hopCount,
        groupSegments: index.groupSegments,
        unreadableSegments: index.unreadable.length,
        elapsedMs,
        transfersPerSecond: perSecond,
      };
      io.out.write(`${JSON.stringify(facts, null, 2)}\n`);
      return 0;
    }
    const share = ofTrace === 0 ? '' : `, ${text.significant((100 * bytes) / ofTrace)} % of it`;
    const why = trace.state === 'complete' ? 'its folder cannot be written' : 'it is not complete';
    const damaged = text.plural(index.unreadable.length, 'segment');
    const unreadable = index.unreadable.length > 0 ? `${damaged} of the trace cannot be read` : '';
    io.out.write(
      text.fields([
        ['trace', text.printable(trace.directory)],
        ['index', path === null ? `not kept: ${unreadable || why}` : text.printable(path)],
        ['size', `${text.formatBytes(bytes)}${share}`],
        ['built', `in ${text.formatDuration(elapsedMs * 1e6)}`],
        [
          'transfers',
          `${text.formatCount(trace.transfers)}, ${text.formatCount(perSecond)} a second`,
        ],
        ['hops', `${text.formatCount(index.hopCount)} distinct pairs of transfers`],
      ]),
    );
    return 0;
  },
};
