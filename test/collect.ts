// Before each test: collect garbage. A tensor that an earlier test left unreachable gives its memory back when it
// is collected, which must not happen in the middle of a test that accounts for every byte.

import { beforeEach } from 'vitest';

beforeEach(async () => {
  globalThis.gc?.();
  await new Promise((resolve) => setImmediate(resolve)); // finalizers run in a turn of their own
});
