// Motion vectors by block matching at no more than 360 rows: 16 x 16 blocks, full search over +-16 in both directions, the sum of
// absolute differences. The unit is ours: pixels at 360 rows per frame; what the paper's thresholds count is not known.
//
// The search is full and exact, but most places are passed over: |sum of one block - sum of the other| is never more than the
// sum of absolute differences, for the whole block and for its four quarters together (successive elimination).

/** Luma reduced for the search, [height, width]. */
export interface Reduced {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** Vectors of a frame: where each block came from, in pixels of the reduced frame, and the grid of blocks row by row. */
export interface Vectors {
  readonly rows: number;
  readonly columns: number;
  /** From the place in the frame before to the place in this frame. */
  readonly dx: Int8Array;
  readonly dy: Int8Array;
}

export const BLOCK = 16;
const REACH = 16;
/** Rows of the frames in which vectors are measured. */
export const ROWS = 360;

/** The size at which vectors of a video are measured: at most 360 rows, never enlarged. */
export function searchSize(height: number, width: number): readonly [height: number, width: number] {
  if (height <= ROWS) return [height, width];
  return [ROWS, Math.max(1, Math.round((width * ROWS) / height))];
}

/** Places in the order in which they are preferred where they fit alike: the shortest move first. */
const MOVES = (() => {
  const moves: { dx: number; dy: number }[] = [];
  for (let dy = -REACH; dy <= REACH; dy++) for (let dx = -REACH; dx <= REACH; dx++) moves.push({ dx, dy });
  return moves.sort((a, b) => a.dx ** 2 + a.dy ** 2 - (b.dx ** 2 + b.dy ** 2) || a.dy - b.dy || a.dx - b.dx);
})();
const DX = Int32Array.from(MOVES, ({ dx }) => dx);
const DY = Int32Array.from(MOVES, ({ dy }) => dy);
const SIDE = 2 * REACH + 1;
const RANKS = new Int32Array(SIDE * SIDE);
for (const [rank, { dx, dy }] of MOVES.entries()) RANKS[(dy + REACH) * SIDE + dx + REACH] = rank;

/** Finds vectors from frame to frame. It keeps the frame before. */
export class VectorMeter {
  #before: Searched | undefined;

  /** The vectors from the frame before to this one, all 0 for the first frame and where the size changes. */
  push(frame: Reduced): Vectors {
    const { height: H, width: W } = frame;
    const [rows, columns] = [Math.floor(H / BLOCK), Math.floor(W / BLOCK)];
    const dx = new Int8Array(rows * columns);
    const dy = new Int8Array(rows * columns);
    const before = this.#before;
    const now = searched(frame);
    this.#before = now;
    if (before === undefined || before.height !== H || before.width !== W) return { rows, columns, dx, dy };
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const at = row * columns + column;
        // What fitted the blocks around is tried first: the better the first fit, the more places are passed over.
        const guesses = [at - 1, at - columns, at - columns + 1]
          .filter((i) => i >= 0)
          .map((i) => RANKS[(REACH - dy[i]!) * SIDE + REACH - dx[i]!]!);
        const move = bestMove(before, now, row * BLOCK, column * BLOCK, guesses);
        dx[at] = -DX[move]!;
        dy[at] = -DY[move]!;
      }
    return { rows, columns, dx, dy };
  }
}

/** The mean length of vectors. @param rows of the reduced frame: lengths are given as at 360 rows */
export function meanLength({ dx, dy }: Vectors, rows: number): number {
  let sum = 0;
  for (let i = 0; i < dx.length; i++) sum += Math.hypot(dx[i]!, dy[i]!);
  return dx.length === 0 ? 0 : (sum / dx.length) * (ROWS / rows);
}

/** A frame, and the sums of all of its squares of three sides; the sum of the square at (y, x) is at `y * W + x`. */
interface Searched extends Reduced {
  readonly s16: Int32Array;
  readonly s8: Int32Array;
  readonly s4: Int32Array;
}

/** Sums of squares: each of four squares of half the side, from single pixels on. */
function searched(frame: Reduced): Searched {
  const W = frame.width;
  const doubled = (half: ArrayLike<number>, side: number): Int32Array => {
    const out = new Int32Array(half.length);
    const [right, down] = [side / 2, (side / 2) * W];
    for (let i = 0, end = half.length - right - down; i < end; i++)
      out[i] = half[i]! + half[i + right]! + half[i + down]! + half[i + right + down]!;
    return out;
  };
  const s4 = doubled(doubled(frame.data, 2), 4);
  const s8 = doubled(s4, 8);
  return { ...frame, s4, s8, s16: doubled(s8, 16) };
}

/** The number in MOVES of the best place in the frame before, among those inside it, for the block at (y, x). */
function bestMove(before: Searched, now: Searched, y: number, x: number, guesses: readonly number[]): number {
  const { height: H, width: W, data, s16: mine16, s8: mine8, s4: mine4 } = now;
  const { data: old, s16, s8, s4 } = before;
  const start = y * W + x;
  const [c1, c2, c3] = [8, 8 * W, 8 * W + 8];
  const sum = mine16[start]!;
  const [q0, q1, q2, q3] = [mine8[start]!, mine8[start + c1]!, mine8[start + c2]!, mine8[start + c3]!];
  const [top, bottom, left, right] = [-y, H - BLOCK - y, -x, W - BLOCK - x];
  let best = Number.MAX_SAFE_INTEGER;
  let chosen = 0;
  const count = MOVES.length + guesses.length;
  for (let k = 0; k < count; k++) {
    const rank = k < guesses.length ? guesses[k]! : k - guesses.length;
    // Nothing is better than 0 but a shorter move that is 0, too.
    if (best === 0 && k >= guesses.length && rank >= chosen) break;
    const dy = DY[rank]!;
    const dx = DX[rank]!;
    if (dy < top || dy > bottom || dx < left || dx > right) continue;
    const from = start + dy * W + dx;
    if (Math.abs(sum - s16[from]!) > best) continue;
    const bound =
      Math.abs(q0 - s8[from]!) +
      Math.abs(q1 - s8[from + c1]!) +
      Math.abs(q2 - s8[from + c2]!) +
      Math.abs(q3 - s8[from + c3]!);
    if (bound > best || sumOfQuarters(mine4, s4, start, from, W) > best) continue;
    const difference = differenceOf(data, old, start, from, W, best);
    if (difference < best || (difference === best && rank < chosen)) {
      best = difference;
      chosen = rank;
    }
  }
  return chosen;
}

/** The sum of |difference| of the sixteen 4 x 4 squares of two blocks. */
function sumOfQuarters(a: Int32Array, b: Int32Array, start: number, from: number, W: number): number {
  let sum = 0;
  for (let r = 0; r < BLOCK; r += 4) {
    const [p, q] = [start + r * W, from + r * W];
    sum +=
      Math.abs(a[p]! - b[q]!) +
      Math.abs(a[p + 4]! - b[q + 4]!) +
      Math.abs(a[p + 8]! - b[q + 8]!) +
      Math.abs(a[p + 12]! - b[q + 12]!);
  }
  return sum;
}

/** The sum of absolute differences of two blocks, or any number above `limit` where it is more. */
function differenceOf(
  a: Uint8Array,
  b: Uint8Array,
  start: number,
  from: number,
  W: number,
  limit: number,
): number {
  let sum = 0;
  for (let r = 0; r < BLOCK && sum <= limit; r++) {
    const [p, q] = [start + r * W, from + r * W];
    for (let c = 0; c < BLOCK; c++) sum += Math.abs(a[p + c]! - b[q + c]!);
  }
  return sum;
}
