// Turns: one after the other; others go first while one waits; and nobody waits forever for a call that fails or is aborted.

import { expect, test } from 'vitest';
import { Turns } from '../src/generate/turns.ts';

/** Something to wait for. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}
const soon = () => new Promise<void>((resolve) => setTimeout(resolve));

test('work follows work, whatever fails, and each turn has an end', async () => {
  const events: string[] = [];
  const turns = new Turns(() => events.push('end'));
  const all = [0, 1, 2].map((i) =>
    turns.take(async () => {
      events.push(`${i}`);
      await soon();
      if (i === 1) throw new Error('one');
      return i;
    }),
  );
  expect((await Promise.allSettled(all)).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  expect(events).toEqual(['0', 'end', '1', 'end', '2', 'end']);
});

test('while one waits outside others go first; what it waited for is given or thrown', async () => {
  const events: string[] = [];
  const turns = new Turns(() => events.push('end'));
  const [asked, busy] = [gate(), gate()];
  const waiting = turns.take(async (outside) => {
    const got = await outside(async () => {
      await asked.passed;
      return 'piece';
    });
    events.push(got);
    await expect(outside(() => Promise.reject(new Error('source')))).rejects.toThrow('source');
    return got;
  });
  const other = turns.take(async () => {
    events.push('other');
    asked.open();
    await busy.passed;
    events.push('other done');
  });
  await soon();
  busy.open();
  expect(await waiting).toBe('piece');
  await other;
  expect(events).toEqual(['end', 'other', 'other done', 'end', 'piece', 'end', 'end']);
});

test('work that is given up while it waits outside keeps nobody waiting', async () => {
  const turns = new Turns();
  const never = gate();
  let later: Promise<unknown> = Promise.resolve();
  const given = turns.take(async (outside) => {
    later = outside(() => never.passed);
    later.catch(() => {});
    throw new Error('enough');
  });
  await expect(given).rejects.toThrow('enough');
  expect(await turns.take(async () => 1)).toBe(1);
  never.open();
  await expect(later).rejects.toThrow('the work of this turn is over');
  expect(await turns.take(async () => 2)).toBe(2);
});
