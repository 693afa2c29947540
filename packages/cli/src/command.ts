/**
 * A subcommand as one value: name, summary, arguments, options, examples and what it does. The
 * parser, --help, shell completion and docs/commands.md are all made from it.
 */
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import type { Io } from './io.ts';

/** Headings of the help, in the order in which they are shown. */
export const GROUPS = ['Record', 'Look back', 'Keep safe', 'This machine'] as const;
export type Group = (typeof GROUPS)[number];

export interface ArgumentSpec {
  /** `<trace>` is needed, `[sql]` is not, `[args...]` takes all that follow. */
  readonly syntax: string;
  readonly says: string;
}

type Parsed = string | number | bigint | boolean;

export interface OptionSpec {
  /** As commander writes it: `-n <count>`, `--json`, `--no-disassembly`. */
  readonly flags: string;
  readonly says: string;
  readonly choices?: readonly string[];
  /** Value if it is not given; `shown` is how the help writes it. */
  readonly default?: { readonly value: Parsed; readonly shown: string };
  /** @throws RangeError with found and expected. */
  readonly parse?: (text: string) => Parsed;
  /** May be given several times; read with `texts`. */
  readonly isRepeatable?: boolean;
}

export interface Example {
  readonly line: string;
  readonly says: string;
}

export interface CommandSpec {
  readonly name: string;
  /** One line, no full stop. */
  readonly summary: string;
  readonly group: Group;
  /** What the summary leaves out; paragraphs. */
  readonly details: readonly string[];
  readonly arguments: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  readonly examples: readonly Example[];
  /** Options after the first argument belong to that argument. */
  readonly passThrough?: boolean;
  /** Returns the exit status: 0 done, 1 failed. */
  run(call: Call, io: Io): Promise<number>;
}

/** The words of one command line, after they were checked against the spec. */
export class Call {
  readonly words: readonly string[];
  readonly #options: Readonly<Record<string, unknown>>;

  constructor(words: readonly string[], options: Readonly<Record<string, unknown>>) {
    this.words = words;
    this.#options = options;
  }

  /** An argument that the parser has made sure of. */
  word(index: number): string {
    const word = this.words[index];
    if (word === undefined) throw new RangeError(`argument ${index} is not in the command's spec`);
    return word;
  }

  flag(name: string): boolean {
    return this.#options[name] === true;
  }

  /** Null if the option was not given and has no default. */
  text(name: string): string | null {
    const value = this.#options[name];
    return typeof value === 'string' ? value : null;
  }

  /** Of an option that takes several; empty if it was not given. */
  texts(name: string): readonly string[] {
    const value = this.#options[name];
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
  }

  /** Null if the option was not given and has no default. */
  number(name: string): number | null {
    const value = this.#options[name];
    return typeof value === 'number' ? value : null;
  }
}

function optionOf(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.says);
  if (spec.choices !== undefined) option.choices(spec.choices);
  if (spec.default !== undefined) option.default(spec.default.value, spec.default.shown);
  if (spec.isRepeatable === true) {
    option.argParser<string[]>((text, before: string[] | undefined) => [...(before ?? []), text]);
  }
  const { parse } = spec;
  if (parse !== undefined) {
    option.argParser((text: string) => {
      try {
        return parse(text);
      } catch (error) {
        if (error instanceof RangeError) throw new InvalidArgumentError(error.message);
        throw error;
      }
    });
  }
  return option;
}

/** Examples as the help and docs/commands.md show them: the line, then what it does. */
export function exampleLines(examples: readonly Example[]): string[] {
  const width = Math.max(0, ...examples.map((example) => example.line.length));
  return examples.map((example) => `  ${example.line.padEnd(width)}  # ${example.says}`);
}

/**
 * Adds a command to the program.
 * @param finish is given the exit status
 */
export function addCommand(
  program: Command,
  spec: CommandSpec,
  io: Io,
  finish: (status: number) => void,
): void {
  const command = program.command(spec.name);
  // Completion shows the description: one line. The page of the command has it all.
  command.summary(spec.summary).description(spec.summary).helpGroup(`${spec.group}:`);
  const page = [`${spec.summary}.`, ...spec.details].join('\n\n');
  command.configureHelp({ commandDescription: () => page });
  for (const { syntax, says } of spec.arguments) command.addArgument(new Argument(syntax, says));
  for (const option of spec.options) command.addOption(optionOf(option));
  if (spec.passThrough === true) command.passThroughOptions();
  command
    .helpOption('-h, --help', 'print help')
    .allowExcessArguments(false)
    .showHelpAfterError(`Help: backtrail ${spec.name} --help`)
    .addHelpText('after', `\nExamples:\n${exampleLines(spec.examples).join('\n')}`)
    .action(async () => {
      finish(await spec.run(new Call(command.args, command.opts()), io));
    });
}
