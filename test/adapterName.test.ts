// What the page calls an adapter.

import { expect, test } from 'vitest';
import { adapterName } from '../apps/playground/src/worker/adapterName.ts';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:159.0) Gecko/20100101 Firefox/159.0';
const none = { vendor: '', architecture: '', device: '', description: '' };

test.each([
  [{ ...none, description: 'NVIDIA H200', vendor: 'nvidia' }, 'NVIDIA H200'],
  [{ ...none, vendor: 'nvidia', architecture: 'hopper' }, 'nvidia hopper'],
  [none, 'the unnamed adapter of Firefox 159'],
])('%j', (info, name) => {
  expect(adapterName(info, FIREFOX)).toBe(name);
});
