// Turns on a device, which does one thing after the other: calls follow one another, and one that waits for its caller
// lets the others go first.

/** Waits for something while others have their turn, then for the next turn. */
export type Outside = <T>(wait: () => Promise<T>) => Promise<T>;

/** Calls that follow one another, in the order in which they came. */
export class Turns {
  readonly #after: () => void;
  #last: Promise<void> = Promise.resolve();

  /** @param after is done at the end of every turn. */
  constructor(after: () => void = () => {}) {
    this.#after = after;
  }

  /** Does the work when everything that came before is done. */
  async take<T>(work: (outside: Outside) => Promise<T>): Promise<T> {
    let end = await this.#next();
    let over = false;
    const outside: Outside = async (wait) => {
      end();
      const waited = wait();
      await waited.catch(() => {}); // thrown below, within the turn
      end = await this.#next();
      if (over) {
        end();
        throw new Error('internal: the work of this turn is over');
      }
      return waited;
    };
    try {
      return await work(outside);
    } finally {
      over = true;
      end();
    }
  }

  /** @returns what ends the turn, once it has come. */
  async #next(): Promise<() => void> {
    const before = this.#last;
    let resolve = () => {};
    this.#last = new Promise<void>((done) => {
      resolve = done;
    });
    await before;
    let ended = false;
    return () => {
      if (!ended) this.#after();
      ended = true;
      resolve();
    };
  }
}
