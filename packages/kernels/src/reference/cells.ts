// CPU references of averageDown and repeatUp: a cell of positions as one vector, in the order channel, time, row, column.

import { at, generate, operand, type Reference } from './ndarray.ts';

/** The mean of each run of a cell, zeros before the first frame, plus residual. */
export const averageDown: Reference = (inputs, { cell, channels }) => {
  const x = operand(inputs, 'x');
  const [ft, fs] = cell as [number, number];
  const O = channels as number;
  const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
  const t = Math.ceil(T / ft);
  const run = (C * ft * fs * fs) / O;
  return generate([B, t, H / fs, W / fs, O], x.dtype, (index) => {
    const [b, f, r, c, o] = index as [number, number, number, number, number];
    const vector: number[] = [];
    for (let channel = 0; channel < C; channel++)
      for (let i = 0; i < ft; i++)
        for (let y = 0; y < fs; y++)
          for (let z = 0; z < fs; z++) {
            const frame = f * ft + i - (t * ft - T);
            vector.push(frame < 0 ? 0 : at(x, [b, frame, r * fs + y, c * fs + z, channel]));
          }
    const sum = vector.slice(o * run, (o + 1) * run).reduce((total, value) => total + value, 0);
    return sum / run + (inputs.residual ? at(inputs.residual, index) : 0);
  });
};

/** Each channel repeated over the cell that a position becomes, without the first frames, plus residual. */
export const repeatUp: Reference = (inputs, { cell, channels, skip = 0 }) => {
  const x = operand(inputs, 'x');
  const [ft, fs] = cell as [number, number];
  const O = channels as number;
  const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
  const times = (O * ft * fs * fs) / C;
  return generate([B, T * ft - (skip as number), H * fs, W * fs, O], x.dtype, (index) => {
    const [b, f, r, c, o] = index as [number, number, number, number, number];
    const frame = f + (skip as number);
    const position = [b, Math.floor(frame / ft), Math.floor(r / fs), Math.floor(c / fs)];
    const vector = Array.from({ length: C * times }, (_, j) => at(x, [...position, Math.floor(j / times)]));
    const place = ((o * ft + (frame % ft)) * fs + (r % fs)) * fs + (c % fs);
    return vector[place]! + (inputs.residual ? at(inputs.residual, index) : 0);
  });
};
