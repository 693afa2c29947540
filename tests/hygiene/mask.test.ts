import { expect, test } from 'vitest';
import { mask } from './mask.ts';

const code = (source: string): string => mask(source, 'ts').code;

test('mask: views have the length of the source and keep its lines', () => {
  const source = 'const a = "x\u{1f600}"; // é\n/* two\nlines */ b();\n';
  const { code, comments } = mask(source, 'ts');
  expect(code).toHaveLength(source.length);
  expect(comments).toHaveLength(source.length);
  expect(code.split('\n')).toHaveLength(4);
  expect(code).toMatch(/^const a = " {3}"; +\n {6}\n +b\(\);\n$/);
  expect(comments).toMatch(/^ +\/\/ é\n\/\* two\nlines \*\/ +\n$/);
});

test('mask: strings with escapes and quotes of the other kind', () => {
  expect(code(`f('a\\'{', "it's {", x)`)).toBe(`f('    ', "      ", x)`);
});

test('mask: templates keep the code in their holes, nested ones too', () => {
  const source = '`a{${f({ b: `}${c}` })}{`';
  expect(code(source)).toBe('`  ${f({ b: ` ${c}` })} `');
});

test('mask: a regular expression is none where a division is', () => {
  expect(code('x = a / b / c; y = "{"')).toBe('x = a / b / c; y = " "');
  expect(code('s.replace(/[/"{]/g, b)')).toBe('s.replace(/     /g, b)');
  expect(code('return /"/.test(s)')).toBe('return / /.test(s)');
  expect(code('(a) / 2 + "{" / 3')).toBe('(a) / 2 + " " / 3');
});

test('mask: a quote that its line does not close hides nothing', () => {
  expect(code("<Text>don't</Text>\nf('{')")).toBe("<Text>don't</Text>\nf(' ')");
});

test('mask: C has no templates and no regular expressions', () => {
  expect(mask("a = b / c; /* { */ d = '{';", 'c').code).toBe("a = b / c;         d = ' ';");
  expect(mask('// it`s {\nx', 'c').code).toBe('         \nx');
});
