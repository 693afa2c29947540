/** Entry: bin/backtrail.js imports this on a Node that can run it. */
import { runCli } from './cli.ts';
import { processIo } from './io.ts';

/** Whoever reads our output may stop early (`| head`): that is no error, and nobody is left to tell. */
function endQuietlyWithoutReader(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}

endQuietlyWithoutReader(process.stdout);
endQuietlyWithoutReader(process.stderr);
process.exitCode = await runCli(process.argv.slice(2), processIo());
