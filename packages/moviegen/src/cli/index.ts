// What the commands of other packages share with those of this one (addOns.ts).

export type { AddOn } from './addOns.ts';
export { onlyWith, withAdapter, withCommon, withModel } from './common.ts';
export {
  adapterName,
  type CommonOptions,
  defaultModel,
  MEGABYTES,
  type ModelOptions,
  partsOf,
  Run,
  weightsOptions,
} from './run.ts';
export { bytes, duration, integer, number } from './values.ts';
