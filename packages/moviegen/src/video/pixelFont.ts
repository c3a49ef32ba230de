// A pixel font of 5 x 7 for captions: A to Z, 0 to 9 and signs. Every letter and digit touches all four sides of its box. The
// glyphs are this project's own.

/** The size of a glyph, and the number of columns between two glyphs. */
export const GLYPH_HEIGHT = 7;
export const GLYPH_WIDTH = 5;
export const GLYPH_GAP = 1;

/** Letters and digits in their order: seven rows of five pixels each, from top to bottom. */
const LETTER_ROWS: readonly (readonly [letter: string, rows: string])[] = [
  ['A', '01110 10001 10001 11111 10001 10001 10001'],
  ['B', '11110 10001 10001 11110 10001 10001 11110'],
  ['C', '01111 10000 10000 10000 10000 10000 01111'],
  ['D', '11110 10001 10001 10001 10001 10001 11110'],
  ['E', '11111 10000 10000 11110 10000 10000 11111'],
  ['F', '11111 10000 10000 11110 10000 10000 10000'],
  ['G', '01111 10000 10000 10011 10001 10001 01111'],
  ['H', '10001 10001 10001 11111 10001 10001 10001'],
  ['I', '11111 00100 00100 00100 00100 00100 11111'],
  ['J', '00111 00001 00001 00001 10001 10001 01110'],
  ['K', '10001 10010 10100 11000 10100 10010 10001'],
  ['L', '10000 10000 10000 10000 10000 10000 11111'],
  ['M', '10001 11011 10101 10101 10001 10001 10001'],
  ['N', '10001 11001 10101 10101 10011 10001 10001'],
  ['O', '01110 10001 10001 10001 10001 10001 01110'],
  ['P', '11110 10001 10001 11110 10000 10000 10000'],
  ['Q', '01110 10001 10001 10001 10101 10010 01101'],
  ['R', '11110 10001 10001 11110 10100 10010 10001'],
  ['S', '01111 10000 10000 01110 00001 00001 11110'],
  ['T', '11111 00100 00100 00100 00100 00100 00100'],
  ['U', '10001 10001 10001 10001 10001 10001 01110'],
  ['V', '10001 10001 10001 10001 01010 01010 00100'],
  ['W', '10001 10001 10001 10101 10101 11011 10001'],
  ['X', '10001 01010 00100 00100 00100 01010 10001'],
  ['Y', '10001 01010 00100 00100 00100 00100 00100'],
  ['Z', '11111 00001 00010 00100 01000 10000 11111'],
  ['0', '01110 10011 10101 10101 11001 10001 01110'],
  ['1', '00100 11100 00100 00100 00100 00100 11111'],
  ['2', '11110 00001 00001 01110 10000 10000 11111'],
  ['3', '11111 00001 00001 01111 00001 00001 11111'],
  ['4', '10010 10010 10010 11111 00010 00010 00010'],
  ['5', '11111 10000 10000 11111 00001 00001 11110'],
  ['6', '00110 01000 10000 11110 10001 10001 01110'],
  ['7', '11111 00001 00010 00010 00100 00100 00100'],
  ['8', '01110 10001 10001 01110 10001 10001 01110'],
  ['9', '01110 10001 10001 01111 00001 00010 01100'],
];

const SIGN_ROWS: readonly (readonly [sign: string, rows: string])[] = [
  [' ', '00000 00000 00000 00000 00000 00000 00000'],
  ['.', '00000 00000 00000 00000 00000 01100 01100'],
  [',', '00000 00000 00000 00000 01100 00100 01000'],
  [':', '00000 01100 01100 00000 01100 01100 00000'],
  [';', '00000 01100 01100 00000 01100 00100 01000'],
  ['!', '00100 00100 00100 00100 00100 00000 00100'],
  ['?', '01110 10001 00001 00010 00100 00000 00100'],
  ['"', '01010 01010 01010 00000 00000 00000 00000'],
  ["'", '00100 00100 00100 00000 00000 00000 00000'],
  ['-', '00000 00000 00000 11111 00000 00000 00000'],
  ['(', '00010 00100 01000 01000 01000 00100 00010'],
  [')', '01000 00100 00010 00010 00010 00100 01000'],
  ['/', '00001 00001 00010 00100 01000 10000 10000'],
  ['&', '01100 10010 10100 01000 10101 10010 01101'],
  ['+', '00000 00100 00100 11111 00100 00100 00000'],
  ['=', '00000 00000 11111 00000 11111 00000 00000'],
  ['%', '11000 11001 00010 00100 01000 10011 00011'],
  ['#', '01010 01010 11111 01010 11111 01010 01010'],
  ['*', '00000 00100 10101 01110 10101 00100 00000'],
  ['_', '00000 00000 00000 00000 00000 00000 11111'],
];

const pixels = (rows: string): Uint8Array =>
  Uint8Array.from(rows.replaceAll(' ', ''), (digit) => Number(digit));

/** The glyphs of letters and digits, each [7, 5], of zeros and ones. */
export const LETTERS: ReadonlyMap<string, Uint8Array> = new Map(
  LETTER_ROWS.map(([letter, rows]) => [letter, pixels(rows)]),
);
const SIGNS: ReadonlyMap<string, Uint8Array> = new Map(SIGN_ROWS.map(([sign, rows]) => [sign, pixels(rows)]));

/** The glyph of a character: letters are shown as capitals, and characters that the font lacks as question marks. */
export function glyphOf(character: string): Uint8Array {
  const capital = character.toUpperCase();
  return LETTERS.get(capital) ?? SIGNS.get(capital) ?? SIGNS.get('?')!;
}

/**
 * Breaks a text into lines of at most `columns` characters. Curly quotes and dashes become plain ones, and accents are removed,
 * as the font has neither. Words that are longer than a line are broken.
 */
export function wrapText(text: string, columns: number): string[] {
  const plain = text
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .replace(/[\u2013\u2014]/g, '-')
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '');
  const lines: string[] = [];
  for (const word of plain.split(/\s+/).filter((part) => part !== '')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns) {
      lines[lines.length - 1] = `${last} ${word}`;
      continue;
    }
    for (let at = 0; at < word.length; at += columns) lines.push(word.slice(at, at + columns));
  }
  return lines;
}
