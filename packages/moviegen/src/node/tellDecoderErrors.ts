// Damaged frames in Node. mediabunny runs the calls of a decoder of its own one after the other: where one rejects, all that follow do,
// closing among them, for which nobody waits, and Node ends the process. So a decoder here tells its errors and does not throw them.

import type { CustomVideoDecoder } from 'mediabunny';

/** Makes decoders of a class tell what they throw. @param prototype of the class from which all of them are derived */
export function tellDecoderErrors(prototype: CustomVideoDecoder): void {
  // mediabunny sets this once per decoder, before its first call.
  Object.defineProperty(prototype, 'onError', {
    configurable: true,
    set(this: CustomVideoDecoder, tell: CustomVideoDecoder['onError']) {
      Object.defineProperty(this, 'onError', { value: tell });
      const { init, decode, flush } = this;
      const telling = async (call: () => unknown) => {
        try {
          await call();
        } catch (error) {
          tell(error);
        }
      };
      this.init = () => telling(() => init.call(this));
      this.decode = (packet) => telling(() => decode.call(this, packet));
      this.flush = () => telling(() => flush.call(this));
    },
  });
}
