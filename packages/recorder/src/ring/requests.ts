/** Words by which another process asks for the beginning or the end of a recording. */
import { HEADER } from './layout.ts';
import type { Ring } from './ring.ts';

const WORD_BYTES = 8;
const ONE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

/** Asks a writer that waits with recording to begin. */
export const askToStart = ({ store }: Ring): void => store.write(HEADER.startRequest.at, ONE);

/** Asks the recorder to end the recording; the guest runs on. */
export const askToStop = ({ store }: Ring): void => store.write(HEADER.stopAsked.at, ONE);

export function isAskedToStop({ store }: Ring): boolean {
  const word = new Uint8Array(WORD_BYTES);
  store.read(HEADER.stopAsked.at, word);
  return word[0] !== 0;
}
