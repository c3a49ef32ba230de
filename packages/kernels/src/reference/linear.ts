// CPU reference of linear.
import { type Activation, activations } from '../activation.ts';
import { operand, type Reference, zeros } from './ndarray.ts';
import { perItemRow } from './perItem.ts';

/** y = residual + gate * activation(x W^T + bias); x [..., K], W [N, K]. */
export const linear: Reference = (inputs, options) => {
  const [x, weight] = [operand(inputs, 'x'), operand(inputs, 'weight')];
  const { bias, gate, residual } = inputs;
  const [N, K] = [weight.shape[0]!, weight.shape[1]!];
  const activation = options.activation as Activation | undefined;
  const out = zeros([...x.shape.slice(0, -1), N], x.dtype);
  const rows = out.data.length / N;
  const gateRow = perItemRow(x.shape.slice(0, -1), gate, options.early as number | undefined);
  for (let row = 0; row < rows; row++) {
    for (let n = 0; n < N; n++) {
      let sum = bias?.data[n] ?? 0;
      for (let k = 0; k < K; k++) sum += x.data[row * K + k]! * weight.data[n * K + k]!;
      if (activation) sum = activations[activation](sum);
      if (gate) sum *= gate.data[gateRow(row) * N + n]!;
      out.data[row * N + n] = sum + (residual?.data[row * N + n] ?? 0);
    }
  }
  return out;
};
