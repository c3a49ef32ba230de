// Sizes and layout of an attention, which its kernels share. It does not check user input: the op does that.

/** Rows of one operand inside a wider tensor: how many numbers from row to row, and where the first row begins. */
export interface Rows {
  readonly pitch: number;
  readonly start: number;
}

/** q [B, N, H D], k [B, M, G D] and v [B, M, G V] as columns of wider rows; out [B, N, H V] dense. */
export interface AttentionShape {
  readonly batch: number;
  readonly heads: number;
  /** G, heads of k and v: heads h H/G .. (h + 1) H/G - 1 of q share head h. */
  readonly keyHeads: number;
  /** Number of queries. */
  readonly N: number;
  /** Number of keys. */
  readonly M: number;
  /** Size of a head of q and k. */
  readonly D: number;
  /** V, size of a head of v. */
  readonly valueSize: number;
  readonly q: Rows;
  readonly k: Rows;
  readonly v: Rows;
  readonly scale: number;
  /** Query n sees only keys 0 .. n. */
  readonly causal: boolean;
  readonly keyLengths: boolean;
  /**
   * What is added to the scores: how many numbers from batch item to batch item, from head to head, and from query to
   * query (0 to broadcast). A mask holds u32, 0 for a key that is not seen, instead of numbers to add.
   */
  readonly bias:
    | {
        readonly batchStride: number;
        readonly headStride: number;
        readonly rowStride: number;
        readonly mask: boolean;
      }
    | undefined;
}
