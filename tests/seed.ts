/**
 * The seed of every test that tries things at random. Without SEED in the environment it is always
 * the same, so that a run of the tests can be repeated; `SEED=$RANDOM npm test` tries other things,
 * and a failure is seen again with the SEED that was given.
 */
import fc from 'fast-check';

const SEED_DEFAULT = 20_261_126;
const SEED_MAX = 1_000_000_000;

/** Integer, 0 to 999,999,999. */
export const SEED = ((text: string | undefined): number => {
  if (text === undefined) return SEED_DEFAULT;
  const seed = Number(text);
  if (Number.isInteger(seed) && seed >= 0 && seed < SEED_MAX) return seed;
  throw new Error(`SEED: found '${text}', expected a whole number from 0 to ${SEED_MAX - 1}.`);
})(process.env['SEED']);

fc.configureGlobal({ seed: SEED });
