// jax-js on WebGPU, channels first. Every way is compiled by its `jit`.
import type { Case, NDArray } from '@moviegen/kernels';
import {
  channelsFirst,
  channelsLast,
  f32Array,
  headsApart,
  headsTogether,
  type Operands,
  permuted,
  reshaped,
  rotaryOperands,
  seenByCausal,
} from './layout.ts';
import { importFile, version } from './packages.ts';
import type { Peer, Way } from './peer.ts';
import { strides } from './tfjs.ts';

/** An array of jax-js counts its owners: a call consumes its operands, and `ref` adds an owner. */
interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: number[];
  reshape(shape: readonly number[]): JaxArray;
  add(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  data(): Promise<Float32Array>;
  blockUntilReady(): Promise<JaxArray>;
  dispose(): void;
}
type Function = (...inputs: JaxArray[]) => JaxArray;
interface Jax {
  init(device: 'webgpu'): Promise<readonly string[]>;
  defaultDevice(device: 'webgpu'): string;
  jit(run: Function): Function;
  readonly numpy: {
    array(data: Float32Array): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    matrixTranspose(x: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
    square(x: JaxArray): JaxArray;
    mean(x: JaxArray, axis: number | number[], options: { keepdims: boolean }): JaxArray;
    reciprocal(x: JaxArray): JaxArray;
    flip(x: JaxArray, axis: number): JaxArray;
  };
  readonly nn: {
    silu(x: JaxArray): JaxArray;
    softmax(x: JaxArray, axis: number): JaxArray;
    standardize(x: JaxArray, axis: number, options: { epsilon: number }): JaxArray;
    dotProductAttention(q: JaxArray, k: JaxArray, v: JaxArray): JaxArray;
  };
  readonly lax: {
    convGeneralDilated(
      x: JaxArray,
      weight: JaxArray,
      strides: readonly number[],
      padding: 'SAME' | 'VALID',
    ): JaxArray;
  };
}

/** Opens the library on the adapter of `navigator.gpu`. */
export async function openJax(): Promise<Peer> {
  const jax = await importFile<Jax>('@jax-js/jax', 'dist/index.js');
  const devices = await jax.init('webgpu');
  if (!devices.includes('webgpu')) throw new Error('jax-js: no WebGPU device');
  jax.defaultDevice('webgpu');
  return {
    name: 'jax-js',
    version: version('@jax-js/jax'),
    ways: (item, operands) =>
      (calls[item.op]?.(jax, item, operands) ?? []).map((call) => () => way(jax, call)),
  };
}

interface Call {
  readonly how: string;
  readonly inputs: readonly NDArray[];
  readonly run: Function;
  arrange?(result: NDArray): NDArray;
}

async function way(jax: Jax, { how, inputs, run, arrange = (x) => x }: Call): Promise<Way> {
  const arrays = inputs.map(({ data, shape }) => jax.numpy.array(data as Float32Array).reshape(shape));
  for (const array of arrays) await array.blockUntilReady();
  const compiled = jax.jit(run);
  const call = () => compiled(...arrays.map(({ ref }) => ref));
  const results: JaxArray[] = [];
  return {
    how,
    run: () => {
      results.push(call());
    },
    async settle() {
      for (const result of results) await result.blockUntilReady();
      for (const result of results.splice(0)) result.dispose();
    },
    async result() {
      const result = call();
      const { shape } = result;
      return arrange(f32Array(await result.data(), shape)).data;
    },
    dispose: () => {
      for (const array of arrays) array.dispose();
    },
  };
}

const convolution = (jax: Jax, item: Case, operands: Operands): Call[] => {
  const { x, weight, bias } = operands;
  const rank = x!.shape.length;
  const step = strides(item.options, rank - 2);
  if (operands.before)
    return [
      {
        how: 'lax.convGeneralDilated of joined frames, sum',
        inputs: [
          permuted(seenByCausal(operands, item.options.padding), channelsFirst(rank)),
          weight!,
          reshaped(bias!, [bias!.shape[0]!, 1, 1, 1]),
        ],
        run: (input, filter, shift) => jax.lax.convGeneralDilated(input!, filter!, step, 'VALID').add(shift!),
        arrange: (result) => permuted(result, channelsLast(rank)),
      },
    ];
  const padding = item.options.padding ? 'SAME' : 'VALID';
  const direct: Call = {
    how: 'lax.convGeneralDilated',
    inputs: [permuted(x!, channelsFirst(rank)), weight!],
    run: (input, filter) => jax.lax.convGeneralDilated(input!, filter!, step, padding),
    arrange: (result) => permuted(result, channelsLast(rank)),
  };
  if (rank !== 5 || weight!.shape[2] !== 1) return [direct];
  const [B, T, H, W, C] = x!.shape as [number, number, number, number, number];
  const [O, , , kh, kw] = weight!.shape as [number, number, number, number, number];
  const frames: Call = {
    how: 'lax.convGeneralDilated per frame',
    inputs: [permuted(reshaped(x!, [B * T, H, W, C]), channelsFirst(4)), reshaped(weight!, [O, C, kh, kw])],
    run: (input, filter) => jax.lax.convGeneralDilated(input!, filter!, step.slice(1), padding),
    arrange: (result) => permuted(result, channelsLast(4)),
  };
  return [direct, frames];
};

const calls: Readonly<Record<string, (jax: Jax, item: Case, operands: Operands) => readonly Call[]>> = {
  matmul: (jax, { options }, { a, b }) =>
    options.transposeA || options.transposeB
      ? []
      : [{ how: 'numpy.matmul', inputs: [a!, b!], run: (x, y) => jax.numpy.matmul(x!, y!) }],
  conv2d: convolution,
  conv3d: convolution,
  attention: (jax, { options }, { q, k, v }) => {
    const heads = options.heads as number;
    const [N, width] = q!.shape.slice(1) as [number, number];
    const split = (x: NDArray) => reshaped(x, [1, x.shape[1]!, heads, width / heads]);
    return [
      {
        how: 'nn.dotProductAttention',
        inputs: [q!, k!, v!].map(split),
        run: (a, b, c) => jax.nn.dotProductAttention(a!, b!, c!),
        arrange: (result) => reshaped(result, [1, N, width]),
      },
      {
        how: 'matmul + softmax + matmul',
        inputs: [q!, k!, v!].map((x) => headsApart(x, heads)),
        run: (a, b, c) => {
          const scores = jax.numpy.matmul(a!, jax.numpy.matrixTranspose(b!)).mul((width / heads) ** -0.5);
          return jax.numpy.matmul(jax.nn.softmax(scores, -1), c!);
        },
        arrange: headsTogether,
      },
    ];
  },
  layerNorm: (jax, { options }, { x, weight }) => [
    {
      how: 'nn.standardize, product',
      inputs: [x!, weight!],
      run: (input, scale) => {
        const epsilon = (options.eps as number | undefined) ?? 1e-5;
        return jax.nn.standardize(input!, -1, { epsilon }).mul(scale!);
      },
    },
  ],
  rmsNorm: (jax, { options }, { x, weight }) => [
    {
      how: 'mean of squares, reciprocal of root, products',
      inputs: [x!, weight!],
      run: (input, scale) => {
        const eps = (options.eps as number | undefined) ?? 1e-5;
        const squares = jax.numpy.mean(jax.numpy.square(input!.ref), -1, { keepdims: true });
        return input!.mul(jax.numpy.reciprocal(jax.numpy.sqrt(squares.add(eps)))).mul(scale!);
      },
    },
  ],
  rmsNormRotary: (jax, item, operands) => [
    {
      how: 'mean of squares, reciprocal of root, flip, products',
      inputs: rotaryOperands(item, operands),
      run: (input, scale, cos, sin) => {
        const eps = (item.options.eps as number | undefined) ?? 1e-5;
        const squares = jax.numpy.mean(jax.numpy.square(input!.ref), [2, 3], { keepdims: true });
        const normed = input!.mul(jax.numpy.reciprocal(jax.numpy.sqrt(squares.add(eps)))).mul(scale!);
        return normed.ref.mul(cos!).add(jax.numpy.flip(normed, 3).mul(sin!));
      },
    },
  ],
  siluMul: (jax, _item, { a, b }) => [
    { how: 'nn.silu, product', inputs: [a!, b!], run: (x, y) => jax.nn.silu(x!).mul(y!) },
  ],
};
