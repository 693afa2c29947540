/** Arguments and options that several commands share, so that they read the same everywhere. */
import type { ArgumentSpec, OptionSpec } from './command.ts';

export const TRACE_ARGUMENT: ArgumentSpec = {
  syntax: '<trace>',
  says: 'a trace directory, as record made it',
};

export const JSON_OPTION: OptionSpec = {
  flags: '--json',
  says: 'print JSON, for programs',
};
