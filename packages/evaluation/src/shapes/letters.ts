// Words in shapes world: `the word "HI" moves right on a black background`. One to three of A to Z and 0 to 9 in a pixel font, in
// the colours, motions and backgrounds of world.ts; half of all words are held out. It draws the same bytes as
// reference/moviegen_reference/letters.py. Not here: reading a video (judgeLetters.ts).

import type { TimedClip } from '../clip.ts';
import { Draws } from './draws.ts';
import {
  article,
  BACKGROUNDS,
  type Background,
  CENTRE,
  COLOURS,
  type Colour,
  MOTIONS,
  type Motion,
  paint,
  path,
  RADII,
  SAMPLES,
  SIZE,
} from './world.ts';

export const GLYPH_ROWS = 7;
export const GLYPH_COLUMNS = 5;
/** Rows of pixels from top to bottom, in the order of A to Z and 0 to 9. It is part of the world: it never changes. */
const FONT = `
  01110 10001 10001 11111 10001 10001 10001  11110 10001 10001 11110 10001 10001 11110
  01111 10000 10000 10000 10000 10000 01111  11110 10001 10001 10001 10001 10001 11110
  11111 10000 10000 11110 10000 10000 11111  11111 10000 10000 11110 10000 10000 10000
  01111 10000 10000 10011 10001 10001 01111  10001 10001 10001 11111 10001 10001 10001
  11111 00100 00100 00100 00100 00100 11111  00111 00001 00001 00001 10001 10001 01110
  10001 10010 10100 11000 10100 10010 10001  10000 10000 10000 10000 10000 10000 11111
  10001 11011 10101 10101 10001 10001 10001  10001 11001 10101 10101 10011 10001 10001
  01110 10001 10001 10001 10001 10001 01110  11110 10001 10001 11110 10000 10000 10000
  01110 10001 10001 10001 10101 10010 01101  11110 10001 10001 11110 10100 10010 10001
  01111 10000 10000 01110 00001 00001 11110  11111 00100 00100 00100 00100 00100 00100
  10001 10001 10001 10001 10001 10001 01110  10001 10001 10001 10001 01010 01010 00100
  10001 10001 10001 10101 10101 11011 10001  10001 01010 00100 00100 00100 01010 10001
  10001 01010 00100 00100 00100 00100 00100  11111 00001 00010 00100 01000 10000 11111
  01110 10011 10101 10101 11001 10001 01110  00100 11100 00100 00100 00100 00100 11111
  11110 00001 00001 01110 10000 10000 11111  11111 00001 00001 01111 00001 00001 11111
  10010 10010 10010 11111 00010 00010 00010  11111 10000 10000 11111 00001 00001 11110
  00110 01000 10000 11110 10001 10001 01110  11111 00001 00010 00010 00100 00100 00100
  01110 10001 10001 01110 10001 10001 01110  01110 10001 10001 01111 00001 00010 01100
`;
export const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const GLYPH_SIZE = GLYPH_ROWS * GLYPH_COLUMNS;
const FONT_BITS = Uint8Array.from(FONT.replace(/\s+/g, ''), Number);
/** Each [7, 5], in the order of LETTERS. */
export const GLYPHS: readonly Uint8Array[] = Array.from(LETTERS, (_, i) =>
  FONT_BITS.subarray(i * GLYPH_SIZE, (i + 1) * GLYPH_SIZE),
);
/** Pixels of a font's pixel, by the length of the word. */
export const CELL: readonly number[] = [0, 4, 3, 2];
/** At most, so that all of a word is seen. */
const OFFSET = 1;
const SEED = 2410_13736;

/** What is drawn, and whether the prompt says the colour. */
export interface Word {
  readonly text: string;
  readonly colour: Colour;
  readonly motion: Motion;
  readonly background: Background;
  readonly saysColour: boolean;
}

/** Whether a word is never trained on: half of those of each length, by the sum of the places of its letters. */
export function heldOutWord(text: string): boolean {
  return [...text].reduce((sum, letter) => sum + LETTERS.indexOf(letter), 0) % 2 === 1;
}

/** The standard form of a word's caption. */
export function wordCaption({ text, colour, motion, background, saysColour }: Word): string {
  const said = saysColour ? `${colour} ` : '';
  return `the ${said}word "${text}" ${motion} on ${article(background)} ${background} background`;
}

/** Columns of a word: of its letters, and one between two of them. */
export const wordColumns = (length: number): number => (GLYPH_COLUMNS + 1) * length - 1;

/** Share of each pixel that a word covers, in 16ths: [SIZE, SIZE]. The centre is in pixels from the top left. */
function wordCoverage(text: string, cx: number, cy: number, cell: number): Float64Array {
  const columns = wordColumns(text.length);
  const glyphs = [...text].map((letter) => GLYPHS[LETTERS.indexOf(letter)]!);
  const places = (centre: number, count: number) =>
    Int32Array.from({ length: SIZE * SAMPLES }, (_, i) => {
      const at = Math.floor(i / SAMPLES) + (((i % SAMPLES) + 0.5) / SAMPLES - 0.5) - centre;
      const place = Math.floor(at / cell + count / 2);
      return place >= 0 && place < count ? place : -1;
    });
  const [column, row] = [places(cx, columns), places(cy, GLYPH_ROWS)];
  const cover = new Float64Array(SIZE * SIZE);
  for (let y = 0; y < SIZE * SAMPLES; y++) {
    const r = row[y]!;
    for (let x = 0; r >= 0 && x < SIZE * SAMPLES; x++) {
      const c = column[x]!;
      if (c < 0) continue;
      const inLetter = c % (GLYPH_COLUMNS + 1);
      const glyph = glyphs[Math.floor(c / (GLYPH_COLUMNS + 1))]!;
      if (inLetter < GLYPH_COLUMNS && glyph[r * GLYPH_COLUMNS + inLetter] === 1)
        cover[Math.floor(y / SAMPLES) * SIZE + Math.floor(x / SAMPLES)]! += 1 / SAMPLES ** 2;
    }
  }
  return cover;
}

/** The clip of a word, which grows and shrinks as an object does. */
export function drawWord(word: Word, [dx, dy]: readonly [number, number] = [0, 0]): TimedClip {
  const cell = CELL[word.text.length]!;
  const covers = path(word.motion).map(({ x, y, r }) =>
    wordCoverage(word.text, CENTRE + x + dx, CENTRE + y + dy, cell * (r / RADII[''])),
  );
  return paint(covers, COLOURS[word.colour], word.background);
}

/** A word of the fixed set, and the shift of its path. */
export interface LetterSample {
  readonly prompt: string;
  readonly offset: readonly [number, number];
  readonly word: Word;
}

/** The fixed set: 48 held-out words, lengths 1, 2 and 3 in turn, every second with its colour said. Sample i has seed i. */
export function letterSamples(): LetterSample[] {
  const draws = new Draws(SEED);
  return Array.from({ length: 48 }, (_, i) => {
    let text = '';
    while (!heldOutWord(text))
      text = Array.from({ length: (i % 3) + 1 }, () => draws.choice([...LETTERS])).join('');
    const [colour, motion] = [draws.word(COLOURS), draws.choice(MOTIONS)];
    const word = { text, colour, motion, background: draws.word(BACKGROUNDS), saysColour: i % 2 === 1 };
    const offset = [draws.uniform(-OFFSET, OFFSET), draws.uniform(-OFFSET, OFFSET)] as const;
    return { prompt: wordCaption(word), offset, word };
  });
}
