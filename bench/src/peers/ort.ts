// ONNX Runtime Web on its WebGPU provider, channels first. Each way is a model of a few nodes, with inputs and outputs in
// GPU buffers and weights as constants.
import type { Case, NDArray } from '@moviegen/kernels';
import { sizeOf } from '@moviegen/kernels';
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
import { constant, model, node } from './onnx.ts';
import { folderUrl, importFile, pathOf, version } from './packages.ts';
import type { Peer, Way } from './peer.ts';
import { strides } from './tfjs.ts';

interface OrtTensor {
  readonly dims: readonly number[];
}
type Feeds = Record<string, OrtTensor>;
interface Session {
  run(inputs: Feeds, outputs: Feeds): Promise<Feeds>;
  release(): Promise<void>;
}
export interface Ort {
  readonly env: {
    readonly wasm: { numThreads: number; wasmPaths: string };
    readonly webgpu: { readonly device: Promise<GPUDevice> };
    logLevel: string;
  };
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: { executionProviders: string[]; preferredOutputLocation: string },
    ): Promise<Session>;
  };
  readonly Tensor: {
    fromGpuBuffer(buffer: GPUBuffer, options: { dataType: 'float32'; dims: readonly number[] }): OrtTensor;
  };
}

const FILE = 'dist/ort.webgpu.min.mjs';
const STORAGE = 0x80;
const COPY = 0x4 | 0x8;
const MAP_READ = 0x1;
const COPY_DST = 0x8;

/** Opens the library on the adapter of `navigator.gpu`. */
export async function loadOrt(): Promise<Ort> {
  const ort = await importFile<Ort>('onnxruntime-web', FILE);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = folderUrl(pathOf('onnxruntime-web', FILE));
  ort.env.logLevel = 'error';
  return ort;
}

/** The library as a peer. */
export async function openOrt(): Promise<Peer> {
  const ort = await loadOrt();
  return {
    name: 'ONNX Runtime Web',
    version: version('onnxruntime-web'),
    ways: (item, operands) =>
      (graphs[item.op]?.(item, operands) ?? []).map((graph) => () => modelWay(ort, modelOf(graph))),
  };
}

interface Graph {
  readonly how: string;
  readonly nodes: readonly Uint8Array<ArrayBuffer>[];
  readonly inputs: Readonly<Record<string, NDArray>>;
  readonly constants?: Readonly<Record<string, NDArray>>;
  readonly integers?: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>
  >;
  /** Shape of the result, whose name is `y`. */
  readonly shape: readonly number[];
  arrange?(result: NDArray): NDArray;
}

/** A model, its inputs, and the shape of its result, whose name is `y`. */
export interface OrtModel extends Pick<Graph, 'how' | 'inputs' | 'shape' | 'arrange'> {
  readonly bytes: Uint8Array;
}

function modelOf({ nodes, constants = {}, integers = {}, ...graph }: Graph): OrtModel {
  const shapes = Object.fromEntries(Object.entries(graph.inputs).map(([name, array]) => [name, array.shape]));
  const held = [
    ...Object.entries(constants).map(([name, array]) =>
      constant(name, array.shape, array.data as Float32Array),
    ),
    ...Object.entries(integers).map(([name, { shape, data }]) =>
      constant(name, shape, BigInt64Array.from(data, BigInt)),
    ),
  ];
  return { ...graph, bytes: model(nodes, shapes, ['y', graph.shape], held) };
}

/** A way to run a model. */
export async function modelWay(
  ort: Ort,
  { bytes, how, inputs, shape, arrange = (x) => x }: OrtModel,
): Promise<Way> {
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: ['webgpu'],
    preferredOutputLocation: 'gpu-buffer',
  });
  const device = await ort.env.webgpu.device;
  const buffers: GPUBuffer[] = [];
  const resident = (dims: readonly number[], data?: Float32Array<ArrayBuffer>): OrtTensor => {
    const size = Math.ceil(sizeOf(dims) / 4) * 16;
    const buffer = device.createBuffer({ label: how, size, usage: STORAGE | COPY });
    buffers.push(buffer);
    if (data) device.queue.writeBuffer(buffer, 0, data);
    return ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims });
  };
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, array]) => [
      name,
      resident(array.shape, array.data as Float32Array<ArrayBuffer>),
    ]),
  );
  const output = { y: resident(shape) };
  const run = async (): Promise<void> => {
    await session.run(feeds, output);
  };
  return {
    how,
    run,
    settle: () => device.queue.onSubmittedWorkDone(),
    async result() {
      await run();
      const size = sizeOf(shape) * 4;
      const copy = device.createBuffer({ label: `${how} read`, size, usage: MAP_READ | COPY_DST });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffers.at(-1)!, 0, copy, 0, size);
      device.queue.submit([encoder.finish()]);
      await copy.mapAsync(1);
      const data = new Float32Array(copy.getMappedRange().slice(0));
      copy.destroy();
      return arrange(f32Array(data, shape)).data;
    },
    dispose: () => {
      void session.release();
      for (const buffer of buffers) buffer.destroy();
    },
  };
}

function convolution(item: Case, operands: Operands): Graph[] {
  const { x, weight, bias } = operands;
  const rank = x!.shape.length;
  const step = strides(item.options, rank - 2);
  const causal = operands.before && seenByCausal(operands, item.options.padding);
  const pad = causal ? 0 : ((item.options.padding as number | undefined) ?? 0);
  const make = (how: string, input: NDArray, filter: NDArray, strides: readonly number[]): Graph => {
    const spatial = input.shape.slice(2);
    const kernel = filter.shape.slice(2);
    const out = spatial.map((n, k) => Math.floor((n + 2 * pad - kernel[k]!) / strides[k]!) + 1);
    const attributes = {
      strides,
      kernel_shape: kernel,
      pads: new Array<number>(2 * kernel.length).fill(pad),
    };
    return {
      how,
      nodes: [node('Conv', ['x', 'w', ...(bias ? ['b'] : [])], 'y', attributes)],
      inputs: { x: input },
      constants: { w: filter, ...(bias && { b: bias }) },
      shape: [input.shape[0]!, filter.shape[0]!, ...out],
      arrange: (result) => permuted(result, channelsLast(input.shape.length)),
    };
  };
  if (causal) return [make('Conv of joined frames', permuted(causal, channelsFirst(rank)), weight!, step)];
  const direct = make('Conv', permuted(x!, channelsFirst(rank)), weight!, step);
  if (rank !== 5 || weight!.shape[2] !== 1) return [direct];
  const [B, T, H, W, C] = x!.shape as [number, number, number, number, number];
  const [O, , , kh, kw] = weight!.shape as [number, number, number, number, number];
  const frames = permuted(reshaped(x!, [B * T, H, W, C]), channelsFirst(4));
  return [direct, make('Conv per frame', frames, reshaped(weight!, [O, C, kh, kw]), step.slice(1))];
}

const norm = (op: string, item: Case, { x, weight }: Operands): Graph[] => [
  {
    how: op,
    nodes: [
      node(op, ['x', 'w'], 'y', {
        axis: -1,
        epsilon: { float: (item.options.eps as number | undefined) ?? 1e-5 },
      }),
    ],
    inputs: { x: x! },
    constants: { w: weight! },
    shape: x!.shape,
  },
];

const graphs: Readonly<Record<string, (item: Case, operands: Operands) => readonly Graph[]>> = {
  matmul: ({ options }, { a, b }) =>
    options.transposeA || options.transposeB
      ? []
      : [
          {
            how: 'MatMul',
            nodes: [node('MatMul', ['a', 'b'], 'y')],
            inputs: { a: a!, b: b! },
            shape: [a!.shape[0]!, b!.shape[1]!],
          },
        ],
  conv2d: convolution,
  conv3d: convolution,
  attention: ({ options }, { q, k, v }) => {
    const heads = options.heads as number;
    const [N, width] = q!.shape.slice(1) as [number, number];
    const M = k!.shape[1]!;
    const scale: NDArray = { shape: [1], dtype: 'f32', data: Float32Array.of((width / heads) ** -0.5) };
    return [
      {
        how: 'MultiHeadAttention',
        nodes: [node('MultiHeadAttention', ['q', 'k', 'v'], 'y', { num_heads: heads }, 'com.microsoft')],
        inputs: { q: q!, k: k!, v: v! },
        shape: q!.shape,
      },
      {
        how: 'MatMul + Mul + Softmax + MatMul',
        nodes: [
          node('MatMul', ['q', 'k'], 's'),
          node('Mul', ['s', 'scale'], 't'),
          node('Softmax', ['t'], 'p', { axis: -1 }),
          node('MatMul', ['p', 'v'], 'y'),
        ],
        inputs: {
          q: headsApart(q!, heads),
          k: permuted(reshaped(k!, [M, heads, width / heads]), [1, 2, 0]),
          v: headsApart(v!, heads),
        },
        constants: { scale },
        shape: [heads, N, width / heads],
        arrange: headsTogether,
      },
    ];
  },
  layerNorm: (item, operands) => norm('LayerNormalization', item, operands),
  rmsNorm: (item, operands) => norm('SimplifiedLayerNormalization', item, operands),
  rmsNormRotary: (item, operands) => {
    const [x, weight, cos, sin] = rotaryOperands(item, operands) as [NDArray, NDArray, NDArray, NDArray];
    const [N, P, pairs] = x.shape as [number, number, number];
    const D = 2 * pairs;
    const d = operands.rotary!.shape[1]!;
    // RotaryEmbedding wants batch by tokens: here the projections are the batch.
    const half = (table: NDArray) =>
      f32Array(
        Array.from(
          { length: (N * d) / 2 },
          (_, i) => table.data[Math.floor(i / (d / 2)) * D + (i % (d / 2)) * 2 + 1]!,
        ),
        [N, d / 2],
      );
    const epsilon = { float: (item.options.eps as number | undefined) ?? 1e-5 };
    return [
      {
        how: 'SimplifiedLayerNormalization + Mul + RotaryEmbedding',
        nodes: [
          node('SimplifiedLayerNormalization', ['x', 'one'], 'n', { axis: -1, epsilon }),
          node('Mul', ['n', 'w'], 'm'),
          node(
            'RotaryEmbedding',
            ['m', 'at', 'cos', 'sin'],
            'y',
            { interleaved: 1, num_heads: D / d },
            'com.microsoft',
          ),
        ],
        inputs: { x: permuted(reshaped(x, [N, P, D]), [1, 0, 2]) },
        constants: {
          one: f32Array(new Float32Array(D).fill(1), [D]),
          w: reshaped(weight, [P, 1, D]),
          cos: half(cos),
          sin: half(sin),
        },
        integers: { at: { shape: [P, N], data: Array.from({ length: P * N }, (_, i) => i % N) } },
        shape: [P, N, D],
        arrange: (result) => permuted(result, [1, 0, 2]),
      },
    ];
  },
  siluMul: (_item, { a, b }) => [
    {
      how: 'Sigmoid + Mul + Mul',
      nodes: [node('Sigmoid', ['a'], 's'), node('Mul', ['a', 's'], 't'), node('Mul', ['t', 'b'], 'y')],
      inputs: { a: a!, b: b! },
      shape: a!.shape,
    },
  ],
};
