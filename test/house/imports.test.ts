// The import graph as `npm run check` sees it, and the check itself: it must find the faults that are planted here.

import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { house } from './house.ts';
import { specifiersOf, violations } from './importGraph.ts';

/** The faults in files that exist only here. */
const wrongWith = (files: Readonly<Record<string, string>>): string[] =>
  violations(Object.keys(files), house, (file) => files[file]!);

test('the sources have no circle, no arrow upward, and no Node in code for browsers', () => {
  expect(execFileSync('npx', ['tsx', 'test/house/check.ts'], { encoding: 'utf8' })).toContain('no circle');
});

describe('planted faults are found', () => {
  test('a circle of types', () => {
    const found = wrongWith({
      'packages/dit/src/a.ts': "import type { B } from './b.ts';\nexport type A = B;\n",
      'packages/dit/src/b.ts': "import type { A } from './a.ts';\nexport type B = A;\n",
    });
    expect(found).toEqual([
      'circle: packages/dit/src/a.ts -> packages/dit/src/b.ts -> packages/dit/src/a.ts',
    ]);
  });

  test('a circle through a file that an export condition exchanges', () => {
    const found = wrongWith({
      'packages/moviegen/src/platform.ts': "import { a } from './errors.ts';\n",
      'packages/moviegen/src/errors.ts': "import { b } from '#platform';\n",
    });
    expect(found.join('\n')).toMatch(/circle: .*errors\.ts -> .*platform\.ts -> .*errors\.ts/);
  });

  test('an arrow upward between packages, also by a type import or a dynamic import', () => {
    const still = wrongWith({
      'packages/kernels/src/shape.ts': "import type { Tensor } from '@moviegen/tensor';\n",
    });
    expect(still).toEqual(['packages/kernels/src/shape.ts: package kernels may not import tensor']);
    const later = wrongWith({ 'packages/tensor/src/tensor.ts': "const m = await import('moviegen');\n" });
    expect(later).toEqual(['packages/tensor/src/tensor.ts: package tensor may not import moviegen']);
  });

  test('an arrow upward between the rooms of a package', () => {
    const found = wrongWith({
      'packages/kernels/src/matmul/tiles.ts': "import { convKernel } from '../conv/conv.ts';\n",
    });
    expect(found).toEqual([
      'packages/kernels/src/matmul/tiles.ts: an arrow that runs upward, from kernels/matmul to kernels/conv',
    ]);
  });

  test('a room and a package that are missing in the plan', () => {
    const found = wrongWith({
      'packages/kernels/src/attic/old.ts': "import { u32 } from '../kernel.ts';\n",
      'packages/shed/src/index.ts': "import { u32 } from './kernel.ts';\n",
    });
    expect(found).toEqual([
      'packages/kernels/src/attic/old.ts: the plan of the house has no room for it',
      'packages/shed/src/index.ts: the plan of the house has no package for it',
    ]);
  });

  test('a package that is imported by its path', () => {
    const found = wrongWith({
      'packages/dit/src/dit.ts': "import { x } from '../../tensor/src/tensor.ts';\n",
    });
    expect(found).toEqual([
      'packages/dit/src/dit.ts: reaches into packages/tensor/src/tensor.ts: import a package by its name',
    ]);
  });

  test('Node in code that browsers run: its modules, its packages, our own rooms for Node', () => {
    const node = wrongWith({ 'packages/tae/src/tae.ts': "import { readFile } from 'node:fs/promises';\n" });
    expect(node).toEqual(['packages/tae/src/tae.ts: imports node:fs/promises, and browsers run this file']);
    const own = wrongWith({
      'packages/moviegen/src/pipeline.ts': "import { f } from './node/folders.ts';\n",
    });
    expect(own.join('\n')).toContain('needs Node, and browsers run this file');
    expect(wrongWith({ 'packages/tensor/src/node/open.ts': "import { create } from 'webgpu';\n" })).toEqual(
      [],
    );
  });
});

test('all forms of imports are recognised, and nothing else', () => {
  const text = `import a from './a.ts';
import type { B } from './b.ts';
import {
  type C,
  c,
} from './c.ts';
import './d.ts';
export * from './e.ts';
export type { F } from './f.ts';
const g = await import('./g.ts');
const h = "import x from 'none'";
// import i from 'not this'
`;
  expect(specifiersOf(text)).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts', './f.ts', './g.ts']);
});
