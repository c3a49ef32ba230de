// Run by openDevice.test.ts in a process of its own: opens a device, computes, destroys it, and says on one
// line of JSON what it saw. It never calls process.exit.
import { matmul, Tensor } from '@moviegen/tensor';
import { openDevice, unpackSwiftShader } from '@moviegen/tensor/node';
import { loadVulkan } from '../src/node/swiftshader.ts';

// As FFmpeg does where the system has one.
if (process.env.TEST_LOADER_FIRST) loadVulkan((await unpackSwiftShader()).loader);

const { setImmediate } = globalThis;
const device = await openDevice();
const x = Tensor.from(device, [1, 2, 3, 4], [2, 2]);
const product = matmul(x, x).read();
const untouched = globalThis.setImmediate === setImmediate;
console.log(JSON.stringify({ adapter: device.info.architecture, product: [...(await product)], untouched }));
device.destroy();
