// Videos side by side: where each stands, when each plays, and what is written below.

import { describe, expect, test } from 'vitest';
import { collectFrames, type Video } from '../src/video/frames.ts';
import { gridOf } from '../src/video/grid.ts';
import { glyphOf, LETTERS, wrapText } from '../src/video/pixelFont.ts';

/** A video whose frame k is all of the value `first + k`. */
function plain(first: number, frames: number, height: number, width: number, fps = 8): Video {
  const data = new Uint8Array(frames * height * width * 3);
  for (let k = 0; k < frames; k++) data.fill(first + k, k * height * width * 3, (k + 1) * height * width * 3);
  return { data, shape: [frames, height, width, 3], fps };
}

/** A frame of a grid as rows of gray values, `.` for the ground and `#` for ink. */
function rows({ data, shape: [, H, W] }: Video, k: number): string[] {
  return Array.from({ length: H }, (_, y) =>
    Array.from({ length: W }, (_, x) => {
      const [r, g, b] = data.subarray(((k * H + y) * W + x) * 3);
      if (g !== r || b !== r) throw new Error(`a colour at ${x}, ${y}: ${r} ${g} ${b}`);
      return r === 255 ? '.' : r === 48 ? '#' : String(r);
    }).join(''),
  );
}

describe('grid', () => {
  test('places videos row by row, enlarged, a smaller one in the middle of its cell', async () => {
    const videos = [plain(1, 1, 2, 2), plain(2, 1, 2, 2), plain(3, 1, 1, 2)];
    const grid = await collectFrames(gridOf(videos, { columns: 2, gap: 2 }));
    expect(grid).toMatchObject({ shape: [1, 10, 10, 3], fps: 8 });
    expect(rows(grid, 0)).toEqual([
      ...['..........', '..........', '..11..22..', '..11..22..', '..........', '..........'],
      ...['..33......', '..........', '..........', '..........'],
    ]);
    const large = await collectFrames(gridOf([videos[0]!, videos[2]!], { scale: 2, gap: 0 }));
    expect(rows(large, 0)).toEqual(['1111....', '11113333', '11113333', '1111....']);
  });

  test('plays at the highest rate and as long as the longest; what is over stays', async () => {
    const grid = await collectFrames(gridOf([plain(10, 2, 2, 2, 8), plain(20, 3, 2, 2, 16)], { gap: 0 }));
    expect(grid).toMatchObject({ shape: [4, 2, 4, 3], fps: 16 });
    const shown = [0, 1, 2, 3].map((k) => `${grid.data[k * 24]} ${grid.data[k * 24 + 6]}`);
    expect(shown).toEqual(['10 20', '10 21', '11 22', '11 22']);
  });

  test('writes captions below, in as many lines as a row needs; sizes are even', async () => {
    const videos = [plain(0, 1, 4, 11), plain(0, 1, 4, 11), plain(0, 1, 4, 11)];
    const grid = await collectFrames(gridOf(videos, { columns: 2, gap: 1, captions: ['I', 'to be', ''] }));
    expect(grid.shape).toEqual([1, 32, 26, 3]);
    const drawn = rows(grid, 0);
    const I = ['#####', '..#..', '..#..', '..#..', '..#..', '..#..', '#####'];
    expect(drawn.slice(8, 15).map((row) => row.slice(1, 12))).toEqual(I.map((row) => `${row}......`));
    const inked = drawn.flatMap((row, y) => (row.includes('#') ? [y] : []));
    expect(inked).toEqual([8, 9, 10, 11, 12, 13, 14, 18, 19, 20, 21, 22, 23, 24]); // `to` and `be`
  });

  test('refuses what makes no grid', () => {
    const video = plain(0, 1, 2, 2);
    expect(() => gridOf([])).toThrow('grid: there is no video');
    expect(() => gridOf([video], { columns: 0 })).toThrow(
      'grid: columns must be an integer of at least 1, got 0',
    );
    expect(() => gridOf([video], { scale: 1.5 })).toThrow('grid: scale must be an integer of at least 1');
    expect(() => gridOf([video], { gap: -1 })).toThrow('grid: gap must be an integer of at least 0, got -1');
    expect(() => gridOf([video], { captions: [] })).toThrow('grid: got 0 captions for 1 videos');
  });
});

describe('pixel font', () => {
  test('has 36 letters, each touching all sides of its box', () => {
    expect([...LETTERS.keys()].join('')).toBe('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789');
    for (const [letter, glyph] of LETTERS) {
      expect(glyph, letter).toHaveLength(35);
      const column = (x: number) => [0, 1, 2, 3, 4, 5, 6].some((y) => glyph[y * 5 + x] === 1);
      const touches = [
        glyph.subarray(0, 5).includes(1),
        glyph.subarray(30).includes(1),
        column(0),
        column(4),
      ];
      expect(touches, letter).toEqual([true, true, true, true]);
    }
  });

  test('wraps words, breaks long ones, and knows every character somehow', () => {
    expect(wrapText('a red circle grows', 8)).toEqual(['a red', 'circle', 'grows']);
    expect(wrapText('abcdefghij kl', 4)).toEqual(['abcd', 'efgh', 'ij', 'kl']);
    expect(wrapText('abcdefghij k', 4)).toEqual(['abcd', 'efgh', 'ij k']);
    expect(wrapText('', 4)).toEqual([]);
    expect(wrapText('“café” – é', 20)).toEqual(['"cafe" - e']);
    expect(glyphOf('a')).toBe(LETTERS.get('A'));
    expect(glyphOf('漢')).toBe(glyphOf('?'));
  });
});
