// Run by deno.test.ts in Deno, on Deno's own WebGPU: the kernels against the CPU, and a video. One line of JSON tells how it went.
import { writeFileSync } from 'node:fs';
import { Device } from '@moviegen/tensor';
import { encodeVideo, MovieGen, selfTest } from 'moviegen';

const [model, prompt, options, folder] = process.argv.slice(2);
const device = await Device.create();
const { checks, failures } = await selfTest(device);
const movieGen = await MovieGen.fromPretrained(model, { device });
const { frames, fps } = await movieGen.generate(prompt, JSON.parse(options));
writeFileSync(`${folder}/frames`, frames.data);
writeFileSync(`${folder}/video.mp4`, await encodeVideo(frames, { format: 'mp4' }));
console.log(
  JSON.stringify({ deno: process.versions.deno, adapter: device.info.description, checks, failures, fps }),
);
movieGen.dispose();
device.destroy();
