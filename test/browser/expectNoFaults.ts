// After each browser test: its pages must have had no faults.

import { afterEach, expect } from 'vitest';
import { takeFaults } from './faults.ts';

afterEach(() => {
  expect(takeFaults(), 'faults in the page').toEqual([]);
});
