// Copies across the folder: clips whose hashes differ in few bits. Of copies the largest one stays. The paper compares learned
// embeddings instead; the hash and its limit are ours.

import { meanHamming } from '../measures/hash.ts';
import type { Judged } from './candidate.ts';

/** Clips are copies where the mean of differing bits, of 64, is at most this. */
export const COPIES = 4;

/** Refuses all but the largest one of each set of copies, among clips that were kept so far. */
export function refuseCopies(judged: readonly Judged[], limit = COPIES): void {
  const kept = judged.filter(({ refusal }) => refusal === undefined);
  const pixels = ({ candidate: { info } }: Judged) => info!.width * info!.height;
  const bySize = [...kept].sort((a, b) => pixels(b) - pixels(a));
  const originals: Judged[] = [];
  for (const one of bySize) {
    const { hashes } = one.candidate.clip!;
    const original = originals.find(
      (other) => meanHamming(hashes, other.candidate.clip!.hashes, limit) <= limit,
    );
    if (original === undefined) originals.push(one);
    else {
      const { file, clip } = original.candidate;
      one.refusal = { filter: 'copies', reason: `a copy of ${file} from ${clip!.start.toFixed(2)} s on` };
    }
  }
}
