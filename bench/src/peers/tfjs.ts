// TensorFlow.js on its WebGPU backend, channels last like ours.
import type { Case, NDArray } from '@moviegen/kernels';
import {
  f32Array,
  headsApart,
  headsTogether,
  type Operands,
  permuted,
  reshaped,
  rotaryOperands,
} from './layout.ts';
import { load, version } from './packages.ts';
import type { Peer, Way } from './peer.ts';

interface TfTensor {
  readonly shape: number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}
interface Tf {
  setBackend(name: string): Promise<boolean>;
  backend(): {
    readonly queue: GPUQueue;
    readonly device: GPUDevice;
    ensureCommandEncoderReady(): void;
    endComputePassEncoder(): void;
    submitQueue(): void;
  };
  tensor(data: Float32Array, shape: readonly number[]): TfTensor;
  tidy(run: () => TfTensor): TfTensor;
  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor;
  conv2d(x: TfTensor, filter: TfTensor, strides: readonly number[], pad: number | 'valid' | 'same'): TfTensor;
  conv3d(x: TfTensor, filter: TfTensor, strides: readonly number[], pad: 'valid' | 'same'): TfTensor;
  moments(x: TfTensor, axis: number, keep: boolean): { readonly mean: TfTensor; readonly variance: TfTensor };
  batchNorm(
    x: TfTensor,
    mean: TfTensor,
    variance: TfTensor,
    offset: undefined,
    scale: TfTensor,
    epsilon: number,
  ): TfTensor;
  softmax(x: TfTensor): TfTensor;
  sigmoid(x: TfTensor): TfTensor;
  square(x: TfTensor): TfTensor;
  rsqrt(x: TfTensor): TfTensor;
  mean(x: TfTensor, axis: number | readonly number[], keep: boolean): TfTensor;
  reverse(x: TfTensor, axis: number): TfTensor;
  add(a: TfTensor, b: TfTensor | number): TfTensor;
  sub(a: TfTensor, b: TfTensor): TfTensor;
  mul(a: TfTensor, b: TfTensor | number): TfTensor;
}

/** Opens the library on the adapter of `navigator.gpu`. */
export async function openTfjs(): Promise<Peer> {
  const tf = load<Tf>('@tensorflow/tfjs-core');
  load('@tensorflow/tfjs-backend-webgpu');
  if (!(await tf.setBackend('webgpu'))) throw new Error('tfjs: no WebGPU backend');
  return {
    name: 'TensorFlow.js',
    version: version('@tensorflow/tfjs-backend-webgpu'),
    ways: (item, operands) =>
      (calls[item.op]?.(tf, item, operands) ?? []).map((call) => async () => way(tf, call)),
  };
}

interface Call {
  readonly how: string;
  readonly inputs: readonly NDArray[];
  run(...inputs: TfTensor[]): TfTensor;
  /** Brings the result into our layout. */
  arrange?(result: NDArray): NDArray;
}

function way(tf: Tf, { how, inputs, run, arrange = (x) => x }: Call): Way {
  const tensors = inputs.map(({ data, shape }) => tf.tensor(data as Float32Array, shape));
  const call = () => tf.tidy(() => run(...tensors));
  const results: TfTensor[] = [];
  return {
    how,
    run: () => {
      results.push(call());
    },
    async settle() {
      const backend = tf.backend();
      backend.ensureCommandEncoderReady();
      backend.endComputePassEncoder();
      backend.submitQueue();
      await backend.queue.onSubmittedWorkDone();
      for (const result of results.splice(0)) result.dispose();
    },
    async result() {
      const result = call();
      const data = await result.data();
      const { shape } = result;
      result.dispose();
      return arrange(f32Array(data, shape)).data;
    },
    dispose: () => {
      for (const tensor of tensors) tensor.dispose();
    },
  };
}

const calls: Readonly<Record<string, (tf: Tf, item: Case, operands: Operands) => readonly Call[]>> = {
  matmul: (tf, { options }, { a, b }) => [
    {
      how: 'matMul',
      inputs: [a!, b!],
      run: (x, y) => tf.matMul(x!, y!, options.transposeA === true, options.transposeB === true),
    },
  ],
  conv2d: (tf, { options }, { x, weight }) => [
    {
      how: 'conv2d',
      inputs: [x!, permuted(weight!, [2, 3, 1, 0])], // [kh, kw, C, O]
      run: (input, filter) =>
        tf.conv2d(input!, filter!, strides(options, 2), options.padding ? 'same' : 'valid'),
    },
  ],
  conv3d: (tf, { options }, operands) => {
    const { x, weight } = operands;
    const step = strides(options, 3);
    const filter = permuted(weight!, [2, 3, 4, 1, 0]); // [kt, kh, kw, C, O]
    if (operands.before) return []; // its sums of five axes, which the bias needs, do not compile
    const direct: Call = {
      how: 'conv3d',
      inputs: [x!, filter],
      run: (input, weights) => tf.conv3d(input!, weights!, step, options.padding ? 'same' : 'valid'),
    };
    // With one tap in time, the frames are a batch of images.
    if (weight!.shape[2] !== 1) return [direct];
    const [B, T, H, W, C] = x!.shape as [number, number, number, number, number];
    const frames: Call = {
      how: 'conv2d per frame',
      inputs: [reshaped(x!, [B * T, H, W, C]), reshaped(filter, filter.shape.slice(1))],
      run: (input, weights) => tf.conv2d(input!, weights!, step.slice(1), 'valid'),
    };
    return [direct, frames];
  },
  attention: (tf, { options }, { q, k, v }) => {
    const heads = options.heads as number;
    const scale = (q!.shape[2]! / heads) ** -0.5;
    return [
      {
        how: 'matMul + softmax + matMul',
        inputs: [q!, k!, v!].map((x) => headsApart(x, heads)),
        run: (a, b, c) => tf.matMul(tf.softmax(tf.mul(tf.matMul(a!, b!, false, true), scale)), c!),
        arrange: headsTogether,
      },
    ];
  },
  layerNorm: (tf, { options }, { x, weight }) => {
    const eps = (options.eps as number | undefined) ?? 1e-5;
    return [
      {
        how: 'moments + batchNorm',
        inputs: [x!, weight!],
        run: (input, scale) => {
          const { mean, variance } = tf.moments(input!, -1, true);
          return tf.batchNorm(input!, mean, variance, undefined, scale!, eps);
        },
      },
      {
        how: 'mean, square, rsqrt, products',
        inputs: [x!, weight!],
        run: (input, scale) => {
          const centred = tf.sub(input!, tf.mean(input!, -1, true));
          const variance = tf.mean(tf.square(centred), -1, true);
          return tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, eps))), scale!);
        },
      },
    ];
  },
  rmsNorm: (tf, { options }, { x, weight }) => [
    {
      how: 'mean of squares, rsqrt, products',
      inputs: [x!, weight!],
      run: (input, scale) => {
        const squares = tf.mean(tf.square(input!), -1, true);
        const eps = (options.eps as number | undefined) ?? 1e-5;
        return tf.mul(tf.mul(input!, tf.rsqrt(tf.add(squares, eps))), scale!);
      },
    },
  ],
  rmsNormRotary: (tf, item, operands) => [
    {
      how: 'mean of squares, rsqrt, reverse, products',
      inputs: rotaryOperands(item, operands),
      run: (input, scale, cos, sin) => {
        const squares = tf.mean(tf.square(input!), [2, 3], true);
        const eps = (item.options.eps as number | undefined) ?? 1e-5;
        const normed = tf.mul(tf.mul(input!, tf.rsqrt(tf.add(squares, eps))), scale!);
        return tf.add(tf.mul(normed, cos!), tf.mul(tf.reverse(normed, 3), sin!));
      },
    },
  ],
  siluMul: (tf, _item, { a, b }) => [
    {
      how: 'sigmoid + mul + mul',
      inputs: [a!, b!],
      run: (x, y) => tf.mul(tf.mul(x!, tf.sigmoid(x!)), y!),
    },
  ],
};

/** A case's stride per spatial axis. */
export function strides({ stride = 1 }: Case['options'], rank: number): number[] {
  return typeof stride === 'number' ? new Array<number>(rank).fill(stride) : (stride as number[]);
}
