// Killed at any moment, nothing that was accepted is lost and nothing is done twice. `MOVIEGEN_KILLS=50` makes it a long run.

import { rm } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { killAtRandom } from './support/killing.ts';
import { dataFolder } from './support/server.ts';

const kills = Number(process.env.MOVIEGEN_KILLS ?? 3);
const seed = Number(process.env.MOVIEGEN_SEED ?? Date.now() % 100_000);

it(`survives ${kills} kills of the server and its workers`, {
  timeout: 60_000 + kills * 20_000,
}, async () => {
  const data = await dataFolder();
  const outcome = await killAtRandom({ kills, jobs: 8 * kills, workers: 2, data, seed });
  if (kills > 10) console.log(JSON.stringify(outcome));
  expect(outcome.wrong, `seed ${seed}`).toEqual([]);
  expect(outcome.completed + outcome.died).toBe(8 * kills);
  expect(outcome.completed).toBeGreaterThan(4 * kills);
  await rm(data, { recursive: true });
});
