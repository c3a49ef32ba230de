// Lifetimes without `dispose` in the maths: tensors made inside a scope end with it, unless they are returned or kept.
// Released buffers are reused at once; gpu/commands.ts says why that is safe.
//
// The rule for asynchronous scopes: a device has one stack of scopes, so scopes must nest in time. Await
// an asynchronous scope before opening another beside it, and do not `yield` out of one. A scope that
// ends while a younger one is open throws.
import { type Operand, type OperandHome, operandsIn } from './operand.ts';

/**
 * Runs `fn`, then releases the tensors that it made, except those in its result: the result itself,
 * or inside arrays, plain objects, class instances with public fields, maps, sets. They belong to the
 * scope around this one, if any. Scopes nest.
 * @throws whatever `fn` throws, after everything it made is released.
 */
export function scope<T>(device: OperandHome, fn: () => T): T {
  const opened = device.scopes.open();
  let result: T;
  try {
    result = fn();
  } catch (error) {
    device.scopes.close(opened, []);
    throw error;
  }
  if (result instanceof Promise) {
    result.catch(() => undefined);
    device.scopes.close(opened, []);
    throw new Error('scope: fn returned a promise: use scopeAsync');
  }
  device.scopes.close(opened, operandsIn(result));
  return result;
}

/**
 * {@link scope} for a function that awaits. Only one asynchronous scope of a device may be open beside
 * another: await it, or nest it. Tensors that other code makes meanwhile on this device belong to it too.
 */
export async function scopeAsync<T>(device: OperandHome, fn: () => Promise<T>): Promise<T> {
  const opened = device.scopes.open();
  let result: T;
  try {
    result = await fn();
  } catch (error) {
    device.scopes.close(opened, []);
    throw error;
  }
  device.scopes.close(opened, operandsIn(result));
  return result;
}

/** Takes tensors (a tensor, or a value that holds some) out of every scope: they live until disposed. */
export function keep<T>(value: T): T {
  for (const operand of operandsIn(value)) operand.device.scopes.detach(operand);
  return value;
}

/**
 * Runs a step of a chain of layers and returns its result. x is released, and so is everything else that `step` made:
 * `x = advance(x, () => layer(x))` keeps the memory of a deep model flat.
 */
export function advance<T extends Operand>(x: Operand, step: () => T): T {
  const result = scope(x.device, step);
  x.dispose();
  return result;
}
