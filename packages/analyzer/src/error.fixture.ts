/** The error of something that must fail, for tests that look at it closely. */
import { BacktrailError } from '@backtrail/recorder/trace';

export async function errorOf(action: Promise<unknown>): Promise<BacktrailError> {
  try {
    await action;
  } catch (error) {
    if (error instanceof BacktrailError) return error;
    throw error;
  }
  throw new Error('found no error, expected one');
}
