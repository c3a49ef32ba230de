// The stack of open scopes of a device: who owns which tensor.

/** What a scope owns. */
export interface Owned {
  dispose(): void;
}

/** A stack of sets of tensors, the innermost last. */
export class Scopes<T extends Owned> {
  readonly #stack: Set<T>[] = [];
  readonly #orphaned: (tensor: T) => void;

  /** @param orphaned called with every tensor that has no scope, or loses its scope. */
  constructor(orphaned: (tensor: T) => void) {
    this.#orphaned = orphaned;
  }

  /** Open scopes. */
  get depth(): number {
    return this.#stack.length;
  }

  /** Opens a scope and returns the token to close it with. */
  open(): Set<T> {
    const opened = new Set<T>();
    this.#stack.push(opened);
    return opened;
  }

  /** Puts a new tensor into the innermost scope. Without one it lives until it is disposed. */
  adopt(tensor: T): void {
    this.#give(tensor, this.#stack.at(-1));
  }

  /** Takes a tensor out of whichever scope owns it. */
  detach(tensor: T): void {
    for (const owned of this.#stack) if (owned.delete(tensor)) this.#orphaned(tensor);
  }

  /** Forgets a tensor that was disposed. */
  forget(tensor: T): void {
    for (const owned of this.#stack) owned.delete(tensor);
  }

  /** Closes a scope: what escapes moves to the scope around it, the rest is disposed. Twice does no harm. */
  close(opened: Set<T>, escaping: readonly T[]): void {
    const at = this.#stack.lastIndexOf(opened);
    if (at < 0) return;
    const interleaved = at !== this.#stack.length - 1;
    this.#stack.splice(at, 1);
    const outer = this.#stack[at - 1];
    for (const tensor of escaping) {
      if (opened.delete(tensor)) this.#give(tensor, outer);
    }
    for (const tensor of opened) tensor.dispose();
    opened.clear();
    if (interleaved) {
      throw new Error(
        'scope: ended while a younger scope of the same device is open: await scopeAsync before the next',
      );
    }
  }

  #give(tensor: T, owner: Set<T> | undefined): void {
    if (owner) owner.add(tensor);
    else this.#orphaned(tensor);
  }
}
