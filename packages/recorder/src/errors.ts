/**
 * An error that a user can cause or mend. The message is one line: what was found, what was
 * expected, what to do. The CLI prints it without a stack trace and exits with status 1.
 */
export class BacktrailError extends Error {
  override readonly name = 'BacktrailError';
  /** Stable, for programs: `E_` and what is wrong, e.g. `E_TRACE_VERSION`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
