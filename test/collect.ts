// Collects garbage before each test. A tensor that an earlier test left unreachable releases its memory when it is
// collected, which must not happen in the middle of a test that accounts for every byte.

import { beforeEach } from 'vitest';

beforeEach(async () => {
  globalThis.gc?.();
  await new Promise((resolve) => setImmediate(resolve)); // finalizers run in a later turn of the event loop
});
