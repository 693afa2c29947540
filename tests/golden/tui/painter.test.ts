/** A terminal that was told only what changed shows what one shows that was told all of it. */
import headless from '@xterm/headless';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitted, type Line, type Span, type Style, span } from '../../../packages/tui/src/line.ts';
import { Painter } from '../../../packages/tui/src/painter.ts';
import '../../seed.ts';

const COLUMNS = 24;
const ROWS = 4;
const STYLES: readonly (Style | undefined)[] = [undefined, undefined, 'bold', 'inverse', 'red'];

interface Cell {
  readonly text: string;
  readonly style: string;
}

class Shown {
  readonly #terminal = new headless.Terminal({
    cols: COLUMNS,
    rows: ROWS,
    allowProposedApi: true,
  });

  async write(text: string): Promise<void> {
    await new Promise<void>((done) => this.#terminal.write(text, done));
  }

  get cells(): Cell[] {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: COLUMNS * ROWS }, (_none, i): Cell => {
      const cell = active.getLine(Math.floor(i / COLUMNS))?.getCell(i % COLUMNS);
      const style = [cell?.isBold(), cell?.isInverse(), cell?.getFgColor()].join();
      return { text: cell?.getChars() || (cell?.getWidth() === 0 ? '' : ' '), style };
    });
  }
}

/** Few words, so that frames have much in common; some have wide or combining characters. */
const word = fc.constantFrom('a', 'bc', ' ', '      ', '0x10', '▸ ', '────', '世界', 'e\u0301');
const piece: fc.Arbitrary<Span> = fc
  .record({ text: word, style: fc.constantFrom(...STYLES) })
  .map(({ text, style }) => span(text, style));
const frame: fc.Arbitrary<Line[]> = fc
  .array(fc.array(piece, { maxLength: 9 }), { minLength: ROWS, maxLength: ROWS })
  .map((lines) => lines.map((line) => fitted(line, COLUMNS)));

test('frame by frame the screen is that of the last frame alone', async () => {
  const frames = fc.array(frame, { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(frames, fc.boolean(), async (list, hasColor) => {
      const painter = new Painter();
      const shown = new Shown();
      for (const lines of list) {
        await shown.write(painter.paint(lines, hasColor));
        const alone = new Shown();
        await alone.write(new Painter().paint(lines, hasColor));
        expect(shown.cells).toEqual(alone.cells);
      }
      expect(painter.paint(list.at(-1) ?? [], hasColor)).toBe('');
    }),
  );
});

test('a frame alone is what its lines say', async () => {
  const shown = new Shown();
  const lines = ['one', ' two ', '', '世'].map((text) => fitted([span(text)], COLUMNS));
  await shown.write('left from before\r\nand more');
  await shown.write(new Painter().paint(lines, true));
  const text = shown.cells.map((cell) => cell.text).join('');
  expect(text).toBe(
    ['one', ' two', '', '世'].map((line, i) => line.padEnd(COLUMNS - (i === 3 ? 1 : 0))).join(''),
  );
});

test('what did not change is not written, nor are blanks at the end of a line', () => {
  const painter = new Painter();
  const of = (...texts: string[]): Line[] => texts.map((text) => fitted([span(text)], COLUMNS));
  painter.paint(of('one two three', 'same'), true);
  expect(painter.paint(of('one 2 three', 'same'), true)).toBe(
    '\u001b[1;5H2 three\u001b[1;12H\u001b[K',
  );
  painter.forget();
  expect(painter.paint(of('one', ''), true)).toBe('\u001b[H\u001b[J\u001b[1;1Hone\u001b[2;1H');
});
