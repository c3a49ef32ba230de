// `moviegen kernels` as a user calls it: the text of kernels, with an adapter and without, the list, and what it refuses.

import { describe, expect, test } from 'vitest';
import { moviegen } from './cli.ts';

const kernels = (...args: string[]) => moviegen(['kernels', ...args]);

test('an op’s first case: a head of comments, then the text that a large GPU would get', async () => {
  const { status, stdout, stderr } = await kernels('matmul', '--no-adapter');
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^\/\/ matmul in f32 on a large GPU, supposed\n\/\/ case: 1x1 x 1x1\n/);
  expect(stdout).toContain('// workgroups: 1\n// binding 0: a, f32, read\n');
  expect(stdout).toContain('@compute');
});

test('this machine’s adapter, a variant of its own, and a constant weight’s layout', async () => {
  const args = ['linear', '--shape', 'x=300x64,weight=40x64', '--json'];
  const chosen = JSON.parse((await kernels(...args)).stdout);
  expect(chosen.operands.x.shape).toEqual([300, 64]);
  expect(chosen.variants.length).toBeGreaterThan(1);
  const [main, pack] = chosen.kernels;
  expect(main).toMatchObject({ dispatches: 1, atLoad: false });
  expect(main.label).toContain('linear f32');
  expect(main.code).toContain('@compute');
  expect(pack).toMatchObject({ label: 'pack f32', atLoad: true });

  const variant = chosen.variants.at(-1);
  const named = JSON.parse((await kernels(...args, '--variant', variant)).stdout);
  expect(named.kernels[0].label).toContain(variant);
});

test('halves for a large GPU, whatever this machine has', async () => {
  const { stdout } = await kernels('attention', '--dtype', 'f16', '--no-adapter');
  expect(stdout).toContain('\nenable f16;\n');
});

test('the list: every op with its cases, or the cases of one', async () => {
  const all = await kernels();
  expect(all.stdout).toMatch(/^matmul\n {2}1x1 x 1x1\n/);
  expect(all.stdout).toContain('\nrandn\n');
  expect((await kernels('--list')).stdout).toBe(all.stdout);
  const { stdout } = await kernels('randn', '--list', '--json');
  const records = JSON.parse(stdout) as { op: string; options: { seed: unknown } }[];
  expect(records.every(({ op }) => op === 'randn')).toBe(true);
  expect(records[1]!.options.seed).toBe('12345678901');
});

describe('wrong input: one line, status 2', () => {
  test.each<[string, string[], string | RegExp]>([
    ['op', ['matmull'], /^error: kernels: there is no op "matmull"; there are: matmul, linear, .*, randn$/],
    [
      'variant',
      ['matmul', '--variant', 'none', '--no-adapter'],
      /^error: kernels: matmul has no variant "none" for this case here; there are: shared 64x64, /,
    ],
    [
      'variant of a kernel without any',
      ['silu', '--variant', 'none', '--no-adapter'],
      'error: kernels: silu has no variant "none" for this case here; its kernel has no variants',
    ],
    [
      'case',
      ['matmul', '--case', 'none'],
      'error: kernels: no case of matmul is named "none"; moviegen kernels matmul --list shows them',
    ],
    [
      'name of several cases',
      ['matmul', '--case', 'x', '--no-adapter'],
      /^error: kernels: 17 cases of matmul have "x" in their name; moviegen kernels matmul --list shows them$/,
    ],
    [
      'operand',
      ['matmul', '--shape', 'c=1x1', '--no-adapter'],
      'error: kernels: this case of matmul has no operand "c"; --shape can give: a, b',
    ],
    [
      'no operands',
      ['randn', '--shape', 'x=3'],
      'error: kernels: randn has no operands to give a shape: choose one of its cases with --case',
    ],
    ['sizes', ['matmul', '--shape', 'a=0x3'], /It must be sizes by operand, like a=300x64,b=64x200\.$/],
    [
      'shapes that the op refuses',
      ['matmul', '--shape', 'a=5x7,b=8x8', '--no-adapter'],
      'error: kernels: matmul: inner dimensions differ (7 and 8): got [5, 7] x [8, 8]',
    ],
    ['list', ['--variant', 'shared'], 'error: kernels: the list of cases takes no --variant'],
  ])('%s', async (_, args, message) => {
    const { status, stdout, stderr } = await kernels(...args);
    const line = stderr.trimEnd();
    if (typeof message === 'string') expect(line).toBe(message);
    else expect(line).toMatch(message);
    expect(line).not.toContain('\n');
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});
