// A queue for a device that does one thing at a time: calls follow one another, but a call that waits for its caller lets
// others go first.

import { InputError } from '../errors.ts';

/** Waits for something while other calls have their turns, then for a new turn. */
export type Outside = <T>(wait: () => Promise<T>) => Promise<T>;

/** Lets calls run one after the other, in the order in which they came. */
export class Turns {
  readonly #after: () => void;
  #last: Promise<void> = Promise.resolve();
  /** Why there are no more turns; undefined while there are. */
  #closed: string | undefined;

  /** @param after is called at the end of every turn. */
  constructor(after: () => void = () => {}) {
    this.#after = after;
  }

  /** Ends all turns: calls that run, wait or come later reject with an InputError of this message. */
  close(message: string): void {
    this.#closed = message;
  }

  /**
   * Does the work when all earlier work is done.
   * @throws InputError after `close`; the signal's reason if it aborted before the turn came.
   */
  take<T>(work: (outside: Outside) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#queue(async (outside) => {
      signal?.throwIfAborted();
      if (this.#closed !== undefined) throw new InputError(this.#closed);
      try {
        return await work(outside);
      } catch (cause) {
        throw this.#closed !== undefined && !signal?.aborted
          ? new InputError(this.#closed, { cause })
          : cause;
      }
    });
  }

  /** Makes each piece in a turn of its own, so that other calls need not wait until all pieces have been taken. */
  async *each<T>(pieces: AsyncGenerator<T, void>, signal?: AbortSignal): AsyncGenerator<T, void> {
    try {
      for (;;) {
        const next = await this.take(() => pieces.next(), signal);
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await pieces.return();
    }
  }

  async #queue<T>(work: (outside: Outside) => Promise<T>): Promise<T> {
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

  /** Waits for the next turn. @returns a function that ends it. */
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

/** Waits for pieces outside of the turn: they may come from another call, which would otherwise wait for this one. */
export async function* piecesOutside<T>(pieces: AsyncGenerator<T>, outside: Outside): AsyncGenerator<T> {
  try {
    for (;;) {
      const next = await outside(() => pieces.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await pieces.return(undefined);
  }
}
