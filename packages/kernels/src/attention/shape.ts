// Sizes and layout of an attention, which its kernels share. It does not check user input: the op does that.

/** Rows of one operand inside a wider tensor: how many numbers from row to row, and where the first row begins. */
export interface Rows {
  readonly pitch: number;
  readonly start: number;
}

/** q [B, N, H D], k and v [B, M, H D] as columns of wider rows; out [B, N, H D] dense. */
export interface AttentionShape {
  readonly batch: number;
  readonly heads: number;
  /** Number of queries. */
  readonly N: number;
  /** Number of keys. */
  readonly M: number;
  /** Size of a head. */
  readonly D: number;
  readonly q: Rows;
  readonly k: Rows;
  readonly v: Rows;
  readonly scale: number;
  /** Query n sees only keys 0 .. n. */
  readonly causal: boolean;
  readonly keyLengths: boolean;
  /** A bias that is added to the scores: how many numbers from batch item to batch item, and from head to head (0 to broadcast). */
  readonly bias: { readonly batchStride: number; readonly headStride: number } | undefined;
}
