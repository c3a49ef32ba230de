// Updates of models and samplers, each with all of its operands in one pass over memory.
import {
  eulerStepKernel,
  gatedResidualKernel,
  guidanceKernel,
  linearCombinationKernel,
} from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { inParts } from './large/parts.ts';
import { expectShape, sameType } from './operands.ts';

/**
 * x + gate * y. x, y [B, ..., D]; gate [B, D], one vector per batch item, or [D].
 * @throws where shapes or types do not fit.
 */
export function gatedResidual(x: Tensor, gate: Tensor, y: Tensor): Tensor {
  const dtype = sameType('gatedResidual', { x, gate, y });
  expectShape('gatedResidual', 'y', y, x.shape);
  const D = x.shape.at(-1) ?? 1;
  expectShape('gatedResidual', 'gate', gate, gate.rank === 1 ? [D] : [x.shape[0] ?? 1, D]);
  const out = Tensor.empty(x.device, x.shape, dtype);
  if (out.size === 0) return out;
  inParts('gatedResidual', x.shape.slice(0, -1), 1, { x, gate, y, out }, (lead, parts) => {
    const each = parts.gate.size === D ? [D] : [parts.gate.size / D, D];
    const kernel = gatedResidualKernel([...lead, D], each, dtype);
    x.device.run(kernel, [parts.x, parts.gate, parts.y, parts.out]);
  });
  return out;
}

/**
 * Classifier-free guidance: uNull + scale (uText - uNull).
 * @throws where shapes or types differ.
 */
export function guidance(uNull: Tensor, uText: Tensor, scale: number): Tensor {
  const dtype = sameType('guidance', { uNull, uText });
  expectShape('guidance', 'uText', uText, uNull.shape);
  const out = Tensor.empty(uNull.device, uNull.shape, dtype);
  if (out.size === 0) return out;
  inParts('guidance', uNull.shape, 0, { uNull, uText, out }, (shape, parts) => {
    uNull.device.run(guidanceKernel(shape, scale, dtype), [parts.uNull, parts.uText, parts.out]);
  });
  return out;
}

/**
 * x + dt * velocity.
 * @throws where shapes or types differ.
 */
export function eulerStep(x: Tensor, velocity: Tensor, dt: number): Tensor {
  const dtype = sameType('eulerStep', { x, velocity });
  expectShape('eulerStep', 'velocity', velocity, x.shape);
  const out = Tensor.empty(x.device, x.shape, dtype);
  if (out.size === 0) return out;
  inParts('eulerStep', x.shape, 0, { x, velocity, out }, (shape, parts) => {
    x.device.run(eulerStepKernel(shape, dt, dtype), [parts.x, parts.velocity, parts.out]);
  });
  return out;
}

/** The most tensors of one linear combination: WebGPU grants eight bindings. */
const MOST_COMBINED = 7;

/**
 * weights[0] tensors[0] + weights[1] tensors[1] + ..., at most seven tensors of one shape.
 * @throws where shapes or types differ, or there are not as many weights as tensors.
 */
export function linearCombination(tensors: readonly Tensor[], weights: readonly number[]): Tensor {
  const [first] = tensors;
  if (!first || tensors.length > MOST_COMBINED || weights.length !== tensors.length)
    throw new Error(
      `linearCombination: expected 1 to ${MOST_COMBINED} tensors and a weight for each, got ${tensors.length} and ${weights.length} weights`,
    );
  const named: Record<string, Tensor> = Object.fromEntries(tensors.map((tensor, i) => [`x${i}`, tensor]));
  const dtype = sameType('linearCombination', named);
  for (const [name, tensor] of Object.entries(named))
    expectShape('linearCombination', name, tensor, first.shape);
  const out = Tensor.empty(first.device, first.shape, dtype);
  if (out.size === 0) return out;
  inParts('linearCombination', first.shape, 0, { ...named, out }, (shape, parts) => {
    first.device.run(linearCombinationKernel(shape, weights, dtype), Object.values(parts));
  });
  return out;
}
