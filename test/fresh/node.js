// Every package as a program in Node imports it.

import { configs } from '@moviegen/dit';
import { draw, judge, parsePrompt } from '@moviegen/evaluation';
import { cases } from '@moviegen/kernels';
import { linearQuadraticSchedule } from '@moviegen/sampler';
import { startServer } from '@moviegen/server';
import * as tae from '@moviegen/tae';
import { Device } from '@moviegen/tensor';
import * as text from '@moviegen/text';
import * as moviegen from 'moviegen';

const counts = { cases: cases.length, tae: Object.keys(tae).length, text: Object.keys(text).length };
console.log(
  counts,
  Object.keys(configs),
  typeof Device.create,
  typeof moviegen.MovieGen.fromPretrained,
  typeof startServer,
);
const facts = parsePrompt('a red circle moves right on a black background');
if (!judge(draw(facts), facts).right) throw new Error('evaluation: a true clip is not judged right');
if (linearQuadraticSchedule(50).length !== 51) throw new Error('sampler: schedule of 50 steps');
