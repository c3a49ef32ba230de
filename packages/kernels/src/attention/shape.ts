// Sizes and layout of an attention: what its kernels share. Not a check of user input: the op does that.

/** Rows of one operand inside a wider tensor: numbers from row to row, and where the first begins. */
export interface Rows {
  readonly pitch: number;
  readonly start: number;
}

/** q [B, N, H D], k and v [B, M, H D] as columns of wider rows; out [B, N, H D] dense. */
export interface AttentionShape {
  readonly batch: number;
  readonly heads: number;
  /** Queries. */
  readonly N: number;
  /** Keys. */
  readonly M: number;
  /** Size of a head. */
  readonly D: number;
  readonly q: Rows;
  readonly k: Rows;
  readonly v: Rows;
  readonly scale: number;
  /** Query n sees keys 0 .. n. */
  readonly causal: boolean;
  readonly keyLengths: boolean;
  /** Additive bias: numbers from batch item to batch item and from head to head (0 where it broadcasts). */
  readonly bias: { readonly batchStride: number; readonly headStride: number } | undefined;
}
