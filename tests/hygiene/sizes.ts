/** Limits on files, functions and lines: what fits on a screen can be read. */
import { isC, isJavaScript, isTypeScript, type SourceFile } from './files.ts';
import { functionsOf } from './functions.ts';

const FILE_LINES_MAX = 400;
/** The plugin is one translation unit and C says the same in more lines. */
const C_FILE_LINES_MAX = 600;
const FUNCTION_LINES_MAX = 70;
const LINE_COLUMNS_MAX = 100;

/** Kinds of files whose lines are limited. Prose, JSON and tables of expected results are not. */
const isCode = (file: string): boolean =>
  isTypeScript(file) || isJavaScript(file) || isC(file) || /\.(sql|sh|py|S|s)$/.test(file);

export function checkSizes(file: SourceFile): string[] {
  if (!isCode(file.path)) return [];
  return [...checkFile(file), ...checkColumns(file), ...checkFunctions(file)];
}

function checkFile({ path, text }: SourceFile): string[] {
  const limit = isC(path) ? C_FILE_LINES_MAX : FILE_LINES_MAX;
  const lines = text.replace(/\n$/, '').split('\n').length;
  return lines > limit ? [`${path}:1: the file is ${lines} lines, the limit is ${limit}`] : [];
}

function checkColumns({ path, text }: SourceFile): string[] {
  const messages: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const columns = Array.from(line).length;
    // An address cannot be broken: a line that has nothing else after it is let through.
    if (columns <= LINE_COLUMNS_MAX || /https?:\/\/\S+$/.test(line)) continue;
    messages.push(
      `${path}:${index + 1}: the line is ${columns} columns, the limit is ${LINE_COLUMNS_MAX}`,
    );
  }
  return messages;
}

function checkFunctions({ path, text }: SourceFile): string[] {
  if (!isTypeScript(path) && !isJavaScript(path) && !isC(path)) return [];
  return functionsOf(text, isC(path) ? 'c' : 'ts')
    .filter((found) => found.lines > FUNCTION_LINES_MAX)
    .map(
      ({ name, line, lines }) =>
        `${path}:${line}: function ${name} is ${lines} lines, the limit is ${FUNCTION_LINES_MAX}`,
    );
}
