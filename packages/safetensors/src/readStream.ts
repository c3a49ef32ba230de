// Reads a file front to back from a stream, for sources that cannot seek: one tensor is held at a time.

import { counted, SafetensorsError } from './errors.ts';
import { headerLength, LENGTH_BYTES, parseHeader, type TensorInfo } from './header.ts';
import type { ReadOptions } from './source.ts';

/** A tensor off a stream. */
export interface StreamedTensor extends TensorInfo {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * All tensors of a stream, in the order of their data. The whole header is checked before the first one comes, the
 * exact end of the stream after the last.
 * @throws SafetensorsError; the signal's reason where aborted
 */
export async function* readStream(
  stream: ReadableStream<Uint8Array>,
  { signal, label = 'stream' }: ReadOptions & { readonly label?: string } = {},
): AsyncGenerator<StreamedTensor> {
  const where = { op: 'read', source: label };
  const input = new Input(stream, label, signal);
  try {
    const length = headerLength(await input.take(LENGTH_BYTES), undefined, where);
    const { metadata, tensors } = parseHeader(await input.take(length), undefined, where);
    for (const tensor of tensors) yield { ...tensor, metadata, data: await input.take(tensor.byteLength) };
    await input.end();
  } finally {
    await input.cancel();
  }
}

class Input {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private rest: Uint8Array = new Uint8Array(0);
  private at = 0;

  constructor(
    stream: ReadableStream<Uint8Array>,
    private readonly label: string,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.reader = stream.getReader();
    signal?.addEventListener('abort', this.stop);
  }

  /** Ends a read that is waiting: it finds the stream closed, and the signal aborted. */
  private readonly stop = (): void => {
    this.reader.cancel(this.signal?.reason).catch(() => {});
  };

  /** The next `length` bytes. Memory grows with what arrives, so that a lying header reserves nothing. */
  async take(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array[] = [];
    let got = 0;
    while (got < length) {
      if (this.rest.length === 0 && !(await this.pull())) {
        throw this.error(
          'the stream ends early',
          `${counted(this.at)} bytes`,
          `${counted(this.at - got + length)} at least`,
        );
      }
      const part = this.rest.subarray(0, length - got);
      this.rest = this.rest.subarray(part.length);
      parts.push(part);
      got += part.length;
      this.at += part.length;
    }
    const bytes = new Uint8Array(length);
    let to = 0;
    for (const part of parts) {
      bytes.set(part, to);
      to += part.length;
    }
    return bytes;
  }

  async end(): Promise<void> {
    if (this.rest.length === 0 && !(await this.pull())) return;
    throw this.error(
      'bytes that belong to no tensor follow the last one',
      'more',
      `an end at byte ${counted(this.at)}`,
    );
  }

  async cancel(): Promise<void> {
    this.signal?.removeEventListener('abort', this.stop);
    await this.reader.cancel().catch(() => {});
  }

  private async pull(): Promise<boolean> {
    do {
      this.signal?.throwIfAborted();
      const { done, value } = await this.reader.read();
      this.signal?.throwIfAborted();
      if (done) return false;
      this.rest = value;
    } while (this.rest.length === 0);
    return true;
  }

  private error(what: string, got: string, expected: string): SafetensorsError {
    return new SafetensorsError({ op: 'read', source: this.label, what, got, expected });
  }
}
