// PSNR of many 8-bit videos on the host, from sums of squared differences that grow video by video. Not here: PSNR of tensors
// (likeness.ts).

/** Sums of squared differences between 8-bit videos and their targets. */
export class ByteErrors {
  #sum = 0;
  #count = 0;
  #worst = 0;

  /**
   * Adds a video.
   * @throws RangeError where the two differ in length.
   */
  add(video: ArrayLike<number>, target: ArrayLike<number>): void {
    if (video.length !== target.length)
      throw new RangeError(
        `ByteErrors: videos differ in length: got ${video.length} and ${target.length} values`,
      );
    let sum = 0;
    for (let i = 0; i < video.length; i++) sum += (video[i]! - target[i]!) ** 2;
    this.#sum += sum;
    this.#count += video.length;
    this.#worst = Math.max(this.#worst, sum / video.length);
  }

  /** Peak signal-to-noise ratio in dB, over the values of all videos. Infinite where all are equal. */
  psnr(): number {
    return decibels(this.#sum / this.#count);
  }

  /** PSNR in dB of the one video that is furthest from its target. */
  worstPsnr(): number {
    return decibels(this.#worst);
  }
}

const decibels = (error: number): number => 10 * Math.log10(255 ** 2 / error);
