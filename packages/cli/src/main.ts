/** Entry: bin/backtrail.js imports this on a Node that can run it. */
import { runCli } from './cli.ts';
import { processIo } from './io.ts';

// Whoever reads our output may stop early (`| head`): no error, and nobody is left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(
    `backtrail: stdout: cannot be written: ${error.message}. Make room for it.\n`,
  );
  process.exit(1);
});
// A terminal that was closed must not end a recording: its trace is still to be finished.
process.stderr.on('error', () => {});

process.exitCode = await runCli(process.argv.slice(2), processIo());
