// Borders: rows and columns at each side whose values over all sampled frames stay within 8 of one another, and whose inner
// neighbour differs by more than 16 along at least half of the line, in at least one of the frames. The numbers are ours.

import type { Luma } from './luma.ts';

/** Along a line between two frame sides: of each row (or column) the least and the largest value, and how much of it is an edge. */
export interface Lines {
  readonly least: Uint8Array;
  readonly most: Uint8Array;
  /** How much of the line differs by more than 16 from the line before: 0 is nothing, 255 all of it. */
  readonly edge: Uint8Array;
}

/** What a sampled frame tells of its borders. */
export interface FrameLines {
  readonly rows: Lines;
  readonly columns: Lines;
}

/** Widths of a clip's borders in pixels. */
export interface Borders {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

const FLAT = 8;
const STEP = 16;
const HALF = 127;

/** The lines of a frame. */
export function linesOf({ data, height: H, width: W, stride, perStep }: Luma): FrameLines {
  const empty = (size: number) => ({
    least: new Uint8Array(size).fill(255),
    most: new Uint8Array(size),
    edge: new Uint8Array(size),
  });
  const [rows, columns] = [empty(H), empty(W)];
  const [edgesOfRow, edgesOfColumn] = [new Uint32Array(H), new Uint32Array(W)];
  for (let y = 0; y < H; y++) {
    for (let x = 0; x < W; x++) {
      const at = y * stride + x;
      const value = data[at]! / perStep;
      if (value < rows.least[y]!) rows.least[y] = value;
      if (value > rows.most[y]!) rows.most[y] = value;
      if (value < columns.least[x]!) columns.least[x] = value;
      if (value > columns.most[x]!) columns.most[x] = value;
      if (y > 0 && Math.abs(value - data[at - stride]! / perStep) > STEP) edgesOfRow[y]!++;
      if (x > 0 && Math.abs(value - data[at - 1]! / perStep) > STEP) edgesOfColumn[x]!++;
    }
  }
  for (let y = 0; y < H; y++) rows.edge[y] = (255 * edgesOfRow[y]!) / W;
  for (let x = 0; x < W; x++) columns.edge[x] = (255 * edgesOfColumn[x]!) / H;
  return { rows, columns };
}

/** The borders over sampled frames of one size. */
export function bordersOf(frames: readonly FrameLines[]): Borders {
  const [rows, columns] = [merged(frames.map((one) => one.rows)), merged(frames.map((one) => one.columns))];
  return {
    top: depth(rows, false),
    bottom: depth(rows, true),
    left: depth(columns, false),
    right: depth(columns, true),
  };
}

/** The share of the frame's side that the widest border takes. */
export const borderShare = ({ top, bottom, left, right }: Borders, height: number, width: number): number =>
  Math.max(Math.max(top, bottom) / height, Math.max(left, right) / width);

/** Least, largest and steepest over several frames. */
function merged(frames: readonly Lines[]): Lines {
  const size = frames[0]?.least.length ?? 0;
  const all = (of: keyof Lines, choose: (...values: number[]) => number) =>
    Uint8Array.from({ length: size }, (_, i) => choose(...frames.map((frame) => frame[of][i]!)));
  return { least: all('least', Math.min), most: all('most', Math.max), edge: all('edge', Math.max) };
}

/** How many flat lines there are from one side to an edge; 0 if there is no edge, or if all lines are flat. */
function depth({ least, most, edge }: Lines, fromEnd: boolean): number {
  const size = least.length;
  let [low, high, found] = [255, 0, 0];
  for (let k = 0; k < size; k++) {
    const line = fromEnd ? size - 1 - k : k;
    low = Math.min(low, least[line]!);
    high = Math.max(high, most[line]!);
    if (high - low > FLAT) break;
    const inner = fromEnd ? line : line + 1; // where the edge to the inner neighbour is noted
    if (inner > 0 && inner < size && edge[inner]! > HALF) found = k + 1;
  }
  return found;
}
